/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_PROFILE_H
#define AIOTRACE_ABI_PROFILE_H

#include <linux/types.h>

#include "config.h"

/* Options of a profile: written once, before its programs are loaded. */
struct profile_config {
	__u64 min_ns; /* an interval off the CPU at least this long is reported separately */
	__u32 tasks; /* name the task of each sample and interval */
	__u32 gil; /* mark what happens while the thread holds the GIL, report nothing else */
	__u32 waits; /* the scheduler's events are used */
	__u32 pad;
};

/*
 * One thread as the scheduler sees it: map `profile_threads`, key tid. Its off-CPU time by cause is
 * in loop_thread.cause_ns.
 */
struct profile_thread {
	__u64 on_ns; /* when it was switched in; 0: it is not on a CPU */
	__u64 cpu_ns; /* time on a CPU up to on_ns */
	__u64 idle_ns; /* time in its loop's own poll */
	__u64 first_ns; /* start of the time that is accounted for */
};

ABI_ASSERT_SIZE(struct profile_config, 24);
ABI_ASSERT_SIZE(struct profile_thread, 32);

#endif
