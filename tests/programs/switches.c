// Two processes that hand a byte to and fro through pipes: nothing but system calls and switches.
//   switches WINDOWS MILLISECONDS [CPU]     a line for each window: nanoseconds of a round trip (two switches, four
//   calls), nanoseconds of the same calls without a switch, nanoseconds of a round of arithmetic; the other process
//   runs on that CPU
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "stopwatch.h"

enum { TRIPS = 100 };

static void trip(int to, int from) {
  char byte = 0;
  if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1) exit(1);
}

static double ns_of_trip(int to, int from) {
  long long start = now_ns();
  for (int k = 0; k < TRIPS; k++) trip(to, from);
  return (double)(now_ns() - start) / TRIPS;
}

// The minimum of many short measurements: interrupts and other machines on the same core only add time.
int main(int argc, char** argv) {
  int windows = argc > 1 ? atoi(argv[1]) : 1, there[2], back[2], own[2];
  long long length_ns = (argc > 2 ? atoll(argv[2]) : 500) * 1000000LL;
  if (pipe(there) || pipe(back) || pipe(own)) return 1;
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte;
    if (argc > 3) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(atoi(argv[3]), &one);
      if (sched_setaffinity(0, sizeof(one), &one)) return 1;
    }
    while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) continue;
    return 0;
  }
  for (int i = 0; i < windows; i++) {
    long long start = now_ns();
    double switched = ns_of_trip(there[1], back[0]), alone = 2 * ns_of_trip(own[1], own[0]), round = ns_of_round();
    do {
      switched = less(switched, ns_of_trip(there[1], back[0]));
      alone = less(alone, 2 * ns_of_trip(own[1], own[0]));
      round = less(round, ns_of_round());
    } while (now_ns() - start < length_ns);
    printf("%.2f %.2f %.6f\n", switched, alone, round);
    fflush(stdout);
  }
  return 0;
}
