/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_OFF_SINCE_H
#define AIOTRACE_ABI_OFF_SINCE_H

#include "config.h"

/* What bpf/off_since.bpf.c says of a thread. The scheduler's clock is not CLOCK_MONOTONIC: see user/probe/off_since. */
struct off_since_record {
	__u64 now_ns; /* CLOCK_MONOTONIC */
	__u64 arrival; /* the scheduler's clock when it came onto a CPU last */
	__u64 slice_ns; /* what it has run since then */
	__u32 tid;
	__u32 state; /* of the task; 0: it runs, or is ready to */
};

ABI_ASSERT_SIZE(struct off_since_record, 32);

#endif
