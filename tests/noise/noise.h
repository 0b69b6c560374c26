/* The time that tests/noise/noise.bpf.c has taken from one CPU. */
#ifndef AIOTRACE_TESTS_NOISE_H
#define AIOTRACE_TESTS_NOISE_H

#include <linux/types.h>

struct noise {
  __u64 taken_ns;
  __u64 times;
  __u64 next_ns; /* not before; 0: it has not begun */
};

#endif
