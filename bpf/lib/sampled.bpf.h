/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_SAMPLED_BPF_H
#define AIOTRACE_LIB_SAMPLED_BPF_H

/* Data that the programs of the cpu-clock event read. */
#include "lib/compat.bpf.h"
#include "lib/python.bpf.h"

/* struct bpf_perf_event_data: the interrupted registers, the event's own period, a fault's address. */
struct sample_context {
	struct saved_regs regs;
	__u64 sample_period;
	__u64 address;
};

#endif
