// A process without any loop: makes system calls and prints what one costs, beside arithmetic that costs the same
// whatever the kernel does.
//   syscalls WINDOWS MILLISECONDS     a line for each window: nanoseconds of a call, nanoseconds of a round of
//   arithmetic
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stopwatch.h"

enum { CALLS = 1000 };

static double ns_of_call(void) {
  long long start = now_ns();
  for (int k = 0; k < CALLS; k++) syscall(SYS_getppid);
  return (double)(now_ns() - start) / CALLS;
}

// The minimum of many short measurements: interrupts and other machines on the same core only add time.
int main(int argc, char** argv) {
  int windows = argc > 1 ? atoi(argv[1]) : 1;
  long long length_ns = (argc > 2 ? atoll(argv[2]) : 500) * 1000000LL;
  for (int i = 0; i < windows; i++) {
    long long start = now_ns();
    double call = ns_of_call(), round = ns_of_round();
    do {
      call = less(call, ns_of_call());
      round = less(round, ns_of_round());
    } while (now_ns() - start < length_ns);
    printf("%.4f %.6f\n", call, round);
    fflush(stdout);
  }
  return 0;
}
