/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_BOUNDS_BPF_H
#define AIOTRACE_LIB_BOUNDS_BPF_H

/*
 * Bounds that stay where the verifier needs them. clang drops a mask or a comparison that
 * repeats what it knows already (from a comparison before; since 19 also from the values of a
 * constant table), and may compare another copy of the value than the one it uses. The verifier
 * knows less: it follows no table, no 32-bit copy, before 5.16 no value on the stack, and 5.10
 * and 6.1 lose the bounds of a sum. So the value is made unknown to clang first, and it has 64
 * bits, which need no copy to become an address or a size.
 */
#include "lib/kernel.bpf.h"

/* The index modulo `size`, a power of two. */
static __always_inline __u64 masked(__u64 index, __u64 size)
{
	barrier_var(index);
	return index & (size - 1);
}

/* Is the value of a __u64 variable at most `most`? For the use that follows at once. */
#define IS_AT_MOST(variable, most)                                                     \
	({                                                                             \
		_Static_assert(sizeof(variable) == sizeof(__u64), "a copy is needed"); \
		barrier_var(variable);                                                 \
		(variable) <= (most);                                                  \
	})

#endif
