/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_OFF_SINCE_H
#define AIOTRACE_ABI_OFF_SINCE_H

#include "config.h"

/*
 * What bpf/off_since.bpf.c reports about a thread. The scheduler's clock is not CLOCK_MONOTONIC:
 * see user/probe/off_since.
 */
struct off_since_record {
	__u64 now_ns; /* CLOCK_MONOTONIC */
	__u64 arrival; /* the scheduler's clock when the thread was last switched in */
	__u64 slice_ns; /* CPU time since then */
	__u32 tid;
	__u32 state; /* state of the task; 0: running or runnable */
};

ABI_ASSERT_SIZE(struct off_since_record, 32);

#endif
