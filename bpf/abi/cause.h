/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_CAUSE_H
#define AIOTRACE_ABI_CAUSE_H

/*
 * Why a part of an iteration did not run Python, or that it did. BPF decides the
 * blocked ones at the switch-out; the on-CPU ones come from samples and are
 * decided in user space. What nobody saw is `unknown`, also decided there.
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
