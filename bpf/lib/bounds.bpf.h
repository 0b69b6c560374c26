/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_BOUNDS_BPF_H
#define AIOTRACE_LIB_BOUNDS_BPF_H

/*
 * Bounds that the verifier can see. clang removes a mask or a comparison if its result is already
 * known (from an earlier comparison; since clang 19 also from the values of a constant table), and
 * it may compare another copy of the value than the one that is used. The verifier knows less: it
 * does not track tables, 32-bit copies, before 5.16 values on the stack, and 5.10 and 6.1 lose the
 * bounds of a sum. So the value is first made unknown to clang. It has 64 bits, so that no copy is
 * needed to use it as an address or a size.
 */
#include "lib/kernel.bpf.h"

/* The index modulo `size`, a power of two. */
static __always_inline __u64 masked(__u64 index, __u64 size)
{
	barrier_var(index);
	return index & (size - 1);
}

/*
 * Whether the value of a __u64 variable is at most `most`. The value must be used directly after
 * this check.
 */
#define IS_AT_MOST(variable, most)                                                     \
	({                                                                             \
		_Static_assert(sizeof(variable) == sizeof(__u64), "a copy is needed"); \
		barrier_var(variable);                                                 \
		(variable) <= (most);                                                  \
	})

#endif
