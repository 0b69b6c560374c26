/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_TSTATE_BPF_H
#define AIOTRACE_LIB_TSTATE_BPF_H

/* Thread states: which one the current thread runs, and its innermost frame. */
#include "lib/python.bpf.h"

/*
 * Whether a thread state's cframe (3.11, 3.12) is on the stack of the current thread. A function of
 * bpf/tstate.bpf.c, because walk_thread has no stack space left for it.
 */
int is_on_stack(__u64 cframe, __u64 thread_pointer);

/*
 * Whether the current thread runs the thread state. A subinterpreter of 3.12 keeps the thread id of
 * the thread that created it, whichever thread runs it. Where there is a cframe, the cframe
 * decides.
 */
static __always_inline bool runs_here(__u64 tstate, __u64 thread_pointer, const struct py_layout *l)
{
	return !(l->flags & PY_HAS_CFRAME) ||
	       is_on_stack(read_u64(tstate + l->ts_frame), thread_pointer);
}

/* Whether the thread state can be the current thread's. */
static __always_inline bool may_run_here(__u64 tstate, __u64 thread_pointer,
					 const struct py_layout *l)
{
	return read_u64(tstate + l->ts_thread_id) == thread_pointer ||
	       (l->flags & PY_HAS_CFRAME &&
		is_on_stack(read_u64(tstate + l->ts_frame), thread_pointer));
}

/* The innermost frame of a thread state; 0: none, or not this thread's state. */
static __always_inline __u64 first_frame(__u64 tstate, __u64 thread_pointer,
					 const struct py_layout *l)
{
	__u64 frame;

	if (!tstate || !may_run_here(tstate, thread_pointer, l))
		return 0;
	frame = read_u64(tstate + l->ts_frame);
	if (frame && l->flags & PY_HAS_CFRAME)
		frame = read_u64(frame + l->cframe_current);
	return frame;
}

#endif
