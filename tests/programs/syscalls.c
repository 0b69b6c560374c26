// A process that has nothing to do with any loop: makes system calls and says what one costs.
//   syscalls WINDOWS MILLISECONDS     prints nanoseconds per call, a line for each window
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char** argv) {
  int windows = argc > 1 ? atoi(argv[1]) : 1;
  long long length_ns = (argc > 2 ? atoll(argv[2]) : 500) * 1000000LL;
  for (int i = 0; i < windows; i++) {
    long long start = now_ns(), end, calls = 0;
    do {
      for (int k = 0; k < 2000; k++) syscall(SYS_getppid);
      calls += 2000;
      end = now_ns();
    } while (end - start < length_ns);
    printf("%.3f\n", (double)(end - start) / calls);
    fflush(stdout);
  }
  return 0;
}
