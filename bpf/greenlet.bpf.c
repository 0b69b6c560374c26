// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Greenlets: several Python stacks that take turns on one thread. The thread's state has the frames
 * of the greenlet that runs; the frames of the others are in their objects. The greenlet package,
 * src/greenlet: TGreenlet.hpp, TThreadState.hpp (2.0 to 3.5), greenlet.h (0.4 to 1.1). Offsets:
 * user/python/greenlets.
 */
#include "lib/arch.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/tstate.bpf.h"

#define MAX_GREENLETS 8 /* levels of parents that are followed */
#define PARENT_WORDS 14 /* there are 5 to 11 words from a greenlet's top frame to its parent */

#define DTV_ENTRY \
	16 /* glibc's dtv is an array of {pointer, pointer to free}: sysdeps/generic/dl-dtv.h */

/* The current greenlet of the thread; 0: the thread's first greenlet, or the thread has none. */
static __always_inline __u64 current_greenlet(const struct greenlet_layout *g, __u64 thread_pointer)
{
	__u64 state, main, current;

	if (!thread_pointer)
		return 0;
	if (g->current) {
		/*
		 * There is one variable for all threads: it holds the greenlet of the thread that
		 * switched last.
		 */
		current = read_u64(g->current);
		return is_on_stack(read_u64(current + g->stack_state + 8), thread_pointer) ?
			       current :
			       0;
	}
	if (!g->tls_module)
		return 0;
	state = read_u64(thread_pointer + PTHREAD_DTV);
	state = read_u64(state + (__u64)g->tls_module * DTV_ENTRY);
	state = read_u64(state + g->tls_offset);
	main = read_u64(state);
	current = read_u64(state + 8);
	return current == main ? 0 : current;
}

/*
 * The struct with a greenlet's fields begins with the pointer to its virtual function table, which
 * is in the module's file. Since 3.1 the object's address follows and moves all other fields.
 * greenlet 0.4 and 1 have the fields in the object itself.
 */
__noinline __u64 greenlet_fields(__u32 pid, __u64 object)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	__u64 implementation;

	if (!p || !object || !p->greenlets.implementation)
		return p ? object : 0;
	implementation = read_u64(object + p->greenlets.implementation);
	if (!implementation ||
	    read_u64(implementation) - p->greenlets.image >= p->greenlets.image_bytes)
		return 0;
	return read_u64(implementation + 8) == object ? implementation + 8 : implementation;
}

/* The greenlet that the word at an address points to; 0: none, or `self`. */
__noinline __u64 greenlet_in(__u32 pid, __u64 address, __u64 self)
{
	__u64 word = read_u64(address);

	return word && word != self && greenlet_fields(pid, word) ? word : 0;
}

/*
 * 0: none. The fields behind the top frame depend on the versions of Python and of greenlet. The
 * only pointers to other greenlets among them are the greenlet of the thread's first frame and,
 * after it, the parent (class UserGreenlet).
 */
static __always_inline __u64 parent_of(const struct greenlet_layout *g, __u32 pid, __u64 object)
{
	__u64 fields = greenlet_fields(pid, object), found;
	int seen = 0;

	if (!fields)
		return 0;
	if (g->parent)
		return read_u64(fields + g->parent);
	fields += g->top_frame;
	for (int i = 1; i <= PARENT_WORDS; i++) {
		found = greenlet_in(pid, fields + 8 * i, object);
		if (found && seen++)
			return found;
	}
	return 0;
}

/* Innermost frame of a suspended greenlet; 0: it is not suspended. */
static __always_inline __u64 frame_of_greenlet(const struct greenlet_layout *g, __u64 fields)
{
	__u64 frame_object = fields ? read_u64(fields + g->top_frame) : 0, frame;

	if (!g->frame_object_frame || !frame_object)
		return frame_object;
	frame = read_u64(frame_object + g->frame_object_frame);
	return read_u64(frame + g->frame_frame_object) == frame_object ? frame : 0;
}

static __always_inline void set_spill(struct scratch *s, const struct greenlet_layout *g,
				      __u64 fields)
{
	__u64 at = fields + g->stack_state;

	s->spill_start = read_u64(at);
	s->spill_copy = read_u64(at + 16);
	s->spill_bytes = read_u64(at + 24);
}

/*
 * The walk has reached the first frame of the greenlet that the thread's state runs. The stack
 * continues with the frames of the greenlet's parent, which waits in switch(): returns 1. If these
 * cannot be found, the stack is marked as unreadable there.
 */
__noinline int enter_parent(__u32 slot, __u32 pid)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	const struct greenlet_layout *g;
	__u64 fields, frame;

	if (!p || !s || !(p->flags & PROCESS_GREENLETS) || s->flags || s->root_final)
		return 0;
	g = &p->greenlets;
	if (!s->greenlet) {
		s->greenlet = current_greenlet(g, s->thread_pointer);
		if (!s->greenlet)
			return 0;
	}
	if (s->greenlets++ >= MAX_GREENLETS)
		goto unreadable;
	s->greenlet = parent_of(g, pid, s->greenlet);
	if (!s->greenlet)
		return 0; /* the thread's first greenlet has no parent */
	fields = greenlet_fields(pid, s->greenlet);
	frame = frame_of_greenlet(g, fields);
	if (!frame)
		goto unreadable;
	set_spill(s, g, fields);
	s->next_frame = frame;
	return 1;
unreadable:
	s->flags |= STACK_UNREADABLE;
	return 0;
}
