// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Since when a thread is off the CPU, for threads that already wait at the attach. No switch of
 * such a thread was seen, but the scheduler stores when each task was last switched in and how long
 * it has run since. Loaded on its own when such a thread is found, see user/probe/off_since.
 */
#include "lib/compat.bpf.h"
#include "abi/off_since.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* The context of SEC("iter/task"): kernel/bpf/task_iter.c, since 5.8. */
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
#pragma clang attribute pop

SEC("iter/task")
int handle_task(struct bpf_iter__task *context)
{
	struct seq_file *seq = context->meta->seq;
	struct task_struct *task = context->task;
	struct off_since_record r = {};

	if (!task)
		return 0; /* the end */
	r.now_ns = bpf_ktime_get_ns();
	r.arrival = BPF_CORE_READ(task, sched_info.last_arrival);
	r.slice_ns = BPF_CORE_READ(task, se.sum_exec_runtime) -
		     BPF_CORE_READ(task, se.prev_sum_exec_runtime);
	r.tid = BPF_CORE_READ(task, pid);
	r.state = task_state(task);
	bpf_seq_write(seq, &r, sizeof(r));
	return 0;
}
