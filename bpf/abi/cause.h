/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_CAUSE_H
#define AIOTRACE_ABI_CAUSE_H

/*
 * The cause of a part of an iteration. BPF determines the blocked causes at the switch-out. User
 * space determines the on-CPU causes from samples, and uses `unknown` for time that nobody
 * observed.
 */
enum cause {
#define CAUSE(ID, id, number, ...) CAUSE_##ID = (number),
#include "causes.def"
#undef CAUSE
	CAUSE_MAX = 0
#define CAUSE(...) +1
#include "causes.def"
#undef CAUSE
};

#define CAUSE_SLOTS 16 /* a power of two, so that a mask bounds the index */

#endif
