/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_PYTHON_CALLS_BPF_H
#define AIOTRACE_LIB_PYTHON_CALLS_BPF_H

/*
 * Functions of python.bpf.c, tstate.bpf.c, greenlet.bpf.c and task.bpf.c for other programs; `slot`
 * is an enum scratch_slot.
 */
#include "lib/python.bpf.h"

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct scratch);
};

extern struct scratch_map scratch SEC(".maps");

/* Result of walk_thread for a process in which no Python is known. */
#define WALK_NO_PYTHON (-1)

/*
 * Walks the current thread's Python stack into scratch and sends it if it is new. Returns the
 * number of frames.
 */
int walk_thread(__u32 slot, __u32 pid, __u32 tid, __u64 tstate, __u64 thread_pointer);
/* The same for another thread of the process, in its present state. */
int walk_other(__u32 slot, __u32 pid, __u32 tid, __u64 tstate);
/* At the end of a stack: 1 if the stack continues in the parent of its greenlet. */
int enter_parent(__u32 slot, __u32 pid);
/*
 * Copies a str's characters to scratch->texts[at], at most TEXT_MAX bytes, and describes them in
 * scratch->text; a width of 0 means that the text could not be read. Returns the bytes copied.
 */
int copy_text(__u32 slot, __u32 pid, __u64 object, __u32 at);
/* The PyThreadState of the thread with this thread pointer, 0: none found. */
__u64 find_tstate(__u32 slot, __u32 pid, __u64 thread_pointer);
/* Looks for the current thread's state, if it was not looked for lately: 1 if it did. Its loop_thread has the result. */
int search_state_again(__u32 slot, __u32 pid, __u32 tid, __u64 now);
/* Sends the task that runs, after walk_thread with the same slot. 1: there is one. */
int send_running_task(__u32 slot, __u32 pid, __u32 tid);

/*
 * Interval between searches for the state of a thread without one: a search reads hundreds of
 * states.
 */
#define TSTATE_RETRY_NS 50000000ull

#endif
