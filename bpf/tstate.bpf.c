// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* The search for the thread state of a thread. Global functions, as in bpf/python.bpf.c: verified once each. */
#include "lib/compat.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/tstate.bpf.h"

#define MOST_STACK (64u << 20)

/* A thread's stack ends below its struct pthread; the first thread's stack ends far above it. */
__noinline int is_on_stack(__u64 cframe, __u64 thread_pointer)
{
	__u64 sp = user_stack_pointer();

	return cframe - sp < MOST_STACK && (sp > thread_pointer || cframe < thread_pointer);
}

#define CHUNK_TSTATES 32
#define MAX_TSTATE_CHUNKS 32

/* One step along the list of interpreters and their threads; 0: found, or the list has ended. */
__noinline int find_step(__u32 slot, __u64 thread_pointer)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	const struct py_layout *l;
	__u64 at;

	if (!s)
		return 0;
	l = &s->layout;
	at = s->search_tstate;
	if (!at) {
		if (!s->search_interp) {
			s->searched_all = 1;
			return 0;
		}
		at = read_u64(s->search_interp + l->interp_threads_head);
		s->search_interp = read_u64(s->search_interp + l->interp_next);
	} else {
		if (may_run_here(at, thread_pointer, l)) {
			bool has_frame = first_frame(at, thread_pointer, l) != 0;

			if (has_frame || !s->found_tstate)
				s->found_tstate = at;
			if (has_frame && runs_here(at, thread_pointer, l))
				return 0;
		}
		at = read_u64(at + l->ts_next);
	}
	s->search_tstate = at;
	return 1;
}

__noinline int find_chunk(__u32 slot, __u64 thread_pointer)
{
	for (int i = 0; i < CHUNK_TSTATES; i++) {
		if (!find_step(slot, thread_pointer))
			return 0;
	}
	return 1;
}

/*
 * Finds the thread state whose pthread is `thread_pointer`. Newer interpreters come first, so a
 * subinterpreter that runs on this thread is found before the main one. A state without a frame
 * does not run. See also runs_here().
 */
__noinline __u64 find_tstate(__u32 slot, __u32 pid, __u64 thread_pointer)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!p || !s || !(p->flags & PROCESS_PYTHON))
		return 0;
	s->layout = p->layout;
	s->found_tstate = s->search_tstate = s->searched_all = 0;
	s->search_interp = read_u64(p->interpreters_head);
	if (!s->search_interp)
		return 0;
	for (int i = 0; i < MAX_TSTATE_CHUNKS; i++) {
		if (!find_chunk(slot, thread_pointer))
			break;
	}
	return s->found_tstate;
}

/* Python came to be known later than the thread, another interpreter runs on it, or it is none of Python's. */
__noinline int search_state_again(__u32 slot, __u32 pid, __u32 tid, __u64 now)
{
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!t || !s || now < t->tstate_retry_ns)
		return 0;
	t->tstate = find_tstate(slot, pid, thread_pointer_of(current_task()));
	t->tstate_retry_ns = now + TSTATE_RETRY_NS;
	t->foreign = s->searched_all && !t->tstate;
	return 1;
}
