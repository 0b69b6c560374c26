/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_NEW_THREAD_BPF_H
#define AIOTRACE_LIB_NEW_THREAD_BPF_H

#include "lib/emit.bpf.h"

/*
 * Creates the entry of a new thread and replaces an old entry with the same tid. NULL: no room,
 * which is counted.
 */
static __always_inline struct loop_thread *new_thread(__u32 pid, __u32 tid)
{
	__u32 zero = 0, slot = 0, *known = bpf_map_lookup_elem(&thread_slots, &tid);
	struct loop_thread *t = bpf_map_lookup_elem(&blank, &zero);

	if (known) {
		slot = *known;
	} else if (bpf_map_pop_elem(&free_slots, &slot)) {
		count_loss(LOSS_THREADS_FULL);
		return NULL;
	} else if (bpf_map_update_elem(&thread_slots, &tid, &slot, BPF_ANY)) {
		bpf_map_push_elem(&free_slots, &slot, 0);
		count_loss(LOSS_THREADS_FULL);
		return NULL;
	}
	if (!t || bpf_map_update_elem(&loop_threads, &slot, t, BPF_ANY))
		return NULL;
	t = bpf_map_lookup_elem(&loop_threads, &slot);
	if (!t)
		return NULL;
	t->pid = pid;
	t->tid = tid;
	t->epfd = -1;
	traced_tid[PID_SLOT(tid)] = TID_ENTRY(tid, slot);
	return t;
}

#endif
