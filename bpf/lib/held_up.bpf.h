/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_HELD_UP_BPF_H
#define AIOTRACE_LIB_HELD_UP_BPF_H

/*
 * Callbacks and timers that a stall delays: see bpf/held_up.bpf.c. Called in the loop's own thread,
 * because it reads the thread's memory.
 */
#include "lib/bounds.bpf.h"
#include "lib/maps.bpf.h"

#include "abi/loop_queue.h"

struct loop_queues_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tid */
	__type(value, struct loop_queue);
};
extern struct loop_queues_map loop_queues SEC(".maps");

/* Raises loop_thread.ready to the number of callbacks that are ready now. */
int note_ready(__u32 tid);
/*
 * Counts in loop_thread.timers the timers that are due now, and records how late the first one is.
 */
int note_timers(__u32 tid, __u64 now);

/* Called at the end of an iteration that may be a stall. */
static __always_inline void note_held_up(const struct loop_thread *t, __u64 now)
{
	if (!t->return_ns || (__s64)(now - t->return_ns) < (__s64)session.warn_ns)
		return;
	note_ready(t->tid);
	note_timers(t->tid, now);
}

#endif
