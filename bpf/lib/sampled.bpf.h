/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_SAMPLED_BPF_H
#define AIOTRACE_LIB_SAMPLED_BPF_H

/* What the programs of the cpu-clock event look at. */
#include "lib/compat.bpf.h"
#include "lib/python.bpf.h"

/* The first fields of struct bpf_perf_event_data on x86-64: the interrupted registers, and the event's own period. */
struct sample_context {
	struct saved_regs regs;
	__u64 sample_period;
};

/* Does the interpreter of this thread collect garbage? */
static __always_inline __u32 gc_runs(const struct process_config *p, __u64 tstate)
{
	const struct py_layout *l = &p->layout;
	__u64 gc = p->gc_addr;
	__u32 collecting = 0;

	if (!gc && l->interp_gc != PY_NO_OFFSET)
		gc = read_u64(tstate + l->ts_interp) + l->interp_gc;
	if (!gc)
		return 0;
	bpf_probe_read_user(&collecting, sizeof(collecting), (void *)(gc + l->gc_collecting));
	return collecting == 1;
}

#endif
