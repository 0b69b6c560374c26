/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_CAUSE_H
#define AIOTRACE_ABI_CAUSE_H

/*
 * Why a part of an iteration did not run Python, or that it did. BPF decides the
 * blocked ones at the switch-out; the on-CPU ones come from samples and are
 * decided in user space. The order is part of the ABI (index of cause_ns[]).
 */
enum cause {
	CAUSE_PYTHON = 0,
	CAUSE_NATIVE,
	CAUSE_GC,
	CAUSE_KERNEL,
	CAUSE_GIL,
	CAUSE_LOCK,
	CAUSE_SLEEP,
	CAUSE_FILE,
	CAUSE_NETWORK,
	CAUSE_PROCESS,
	CAUSE_FAULT,
	CAUSE_OTHER,
	CAUSE_STOPPED,
	CAUSE_CPU_WAIT,
	CAUSE_THROTTLED,
	CAUSE_MAX,
};

#endif
