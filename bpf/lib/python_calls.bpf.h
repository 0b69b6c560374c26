/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_PYTHON_CALLS_BPF_H
#define AIOTRACE_LIB_PYTHON_CALLS_BPF_H

/* What bpf/python.bpf.c and bpf/task.bpf.c offer to the programs; `slot` is an enum scratch_slot. */
#include "lib/python.bpf.h"

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct scratch);
};

extern struct scratch_map scratch SEC(".maps");

/* walk_thread of a process of which no Python is known. */
#define WALK_NO_PYTHON (-1)

/* Walks the current thread's Python stack into scratch and sends it if new. Frames found. */
int walk_thread(__u32 slot, __u32 pid, __u32 tid, __u64 tstate, __u64 fsbase);
/* The same of another thread of the process, as it stands. */
int walk_other(__u32 slot, __u32 pid, __u32 tid, __u64 tstate);
/*
 * Copies a str's characters to scratch->texts[at], at most TEXT_MAX bytes, and tells of them in
 * scratch->text; its width 0 says that it could not be read. Returns the bytes copied.
 */
int copy_text(__u32 slot, __u32 pid, __u64 object, __u32 at);
/* The PyThreadState of the thread with this fs base, 0: none found. */
__u64 find_tstate(__u32 slot, __u32 pid, __u64 fsbase);
/* After walk_thread: 1 if the thread is no longer inside its loop; then it is in no iteration. */
int has_left_loop(__u32 slot, __u32 tid);
/* Sends the task that runs, after walk_thread with the same slot. 1: there is one. */
int send_running_task(__u32 slot, __u32 pid, __u32 tid);

/* A thread without a known state is looked up this often: a search reads hundreds of them. */
#define TSTATE_RETRY_NS 50000000ull

#endif
