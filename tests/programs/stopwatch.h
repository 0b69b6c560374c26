// Common code of the C programs that measure themselves: a clock, and arithmetic that costs the same whatever the
// kernel does.
#ifndef AIOTRACE_TESTS_STOPWATCH_H
#define AIOTRACE_TESTS_STOPWATCH_H

#include <time.h>

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

enum { ARITHMETIC_ROUNDS = 40000 };

static double ns_of_round(void) {
  static volatile unsigned result;
  unsigned x = result;
  long long start = now_ns();
  for (int k = 0; k < ARITHMETIC_ROUNDS; k++) x = x * 1664525u + 1013904223u;
  result = x;
  return (double)(now_ns() - start) / ARITHMETIC_ROUNDS;
}

static double less(double a, double b) { return a < b ? a : b; }

#endif
