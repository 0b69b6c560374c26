/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_GC_BPF_H
#define AIOTRACE_LIB_GC_BPF_H

/*
 * Which thread collects garbage. The interpreter only keeps that one does (`collecting` of
 * struct _gc_runtime_state), and a collection gives the GIL away in finalizers: another thread
 * may run meanwhile. It waited for the GIL before that, and saw then that somebody collects.
 */
#include "lib/compat.bpf.h"
#include "lib/python.bpf.h"

/* The GIL of this thread's interpreter; 0: not known. */
static __always_inline __u64 gil_of(const struct process_config *p, __u64 tstate)
{
	const struct py_layout *l = &p->layout;

	if (p->gil_addr || l->interp_gil_ptr == PY_NO_OFFSET)
		return p->gil_addr;
	return read_u64(read_u64(tstate + l->ts_interp) + l->interp_gil_ptr);
}

static __always_inline bool has_gil(const struct process_config *p, __u64 tstate)
{
	const struct py_layout *l = &p->layout;
	__u64 gil = gil_of(p, tstate);

	return gil && (__u32)read_u64(gil + l->gil_locked) == 1 &&
	       read_u64(gil + l->gil_last_holder) == tstate;
}

/* Only who has the GIL collects; a build without one stops all others meanwhile. */
static __always_inline bool may_collect(const struct process_config *p, __u64 tstate)
{
	return p->layout.flags & PY_FREE_THREADED || has_gil(p, tstate);
}

/* Does any thread of this one's interpreter collect? */
static __always_inline bool gc_runs(const struct process_config *p, __u64 tstate)
{
	const struct py_layout *l = &p->layout;
	__u64 gc = p->gc_addr;
	__u32 collecting = 0;

	if (!gc && l->interp_gc != PY_NO_OFFSET)
		gc = read_u64(tstate + l->ts_interp) + l->interp_gc;
	if (!gc)
		return false;
	bpf_probe_read_user(&collecting, sizeof(collecting), (void *)(gc + l->gc_collecting));
	return collecting == 1;
}

/* At a wait for the GIL: unless it is the thread's own, in which a finalizer gave the GIL away, it is another's. */
static __always_inline void note_others_gc(struct loop_thread *t, const struct process_config *p)
{
	if (!gc_runs(p, t->tstate))
		t->gc = GC_NONE;
	else if (t->gc != GC_OWN)
		t->gc = GC_OF_OTHER;
}

/*
 * Does this thread, whose stack was walked, collect? A collection of its own stands still at one
 * place: only finalizers run, above it. Where the thread itself goes on it is another's, which
 * began after the thread's last wait for the GIL. So it is where the thread has no GIL: it computes
 * in C meanwhile.
 */
static __always_inline bool collects(struct loop_thread *t, const struct process_config *p,
				     const struct scratch *s)
{
	if (!gc_runs(p, t->tstate)) {
		t->gc = GC_NONE;
	} else if (t->gc == GC_NONE) {
		if (!may_collect(p, t->tstate))
			return false;
		t->gc = GC_OWN;
		t->gc_stack = s->hash;
		t->gc_depth = s->count;
	} else if (t->gc == GC_OWN && s->hash != t->gc_stack && s->count <= t->gc_depth) {
		t->gc = GC_OF_OTHER;
	}
	return t->gc == GC_OWN;
}

#endif
