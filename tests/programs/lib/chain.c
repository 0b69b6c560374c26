// A library with a known chain of calls, back into its caller or into a leaf of its own: for native_chain.py.
#include <time.h>

#define APART __attribute__((noinline, noclone))

static volatile long long sink;

// Of this thread on a CPU.
static long long ran_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

APART void chain_spin(long long ns) {
  for (long long deadline = ran_ns() + ns; ran_ns() < deadline;) {
    for (int i = 0; i < 20000; i++) sink += i;
  }
  sink++;
}

// The code after the call prevents the compiler from making a jump of it.
APART void chain_middle(void (*what)(long long), long long ns) {
  what(ns);
  sink++;
}

APART void chain_outer(void (*what)(long long), long long ns) {
  chain_middle(what ? what : chain_spin, ns);
  sink++;
}
