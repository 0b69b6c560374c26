/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_GC_BPF_H
#define AIOTRACE_LIB_GC_BPF_H

/*
 * Which thread runs the garbage collector. The interpreter only records that a collection runs
 * (`collecting` of struct _gc_runtime_state), not in which thread. Finalizers in a collection can
 * release the GIL, so another thread may run during the collection. That thread waited for the GIL
 * before, and saw at that wait that a collection was running.
 */
#include "lib/compat.bpf.h"
#include "lib/python.bpf.h"

/* The GIL of this thread's interpreter; 0: unknown. */
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

/*
 * Only the thread that holds the GIL can collect; a build without a GIL stops all other threads
 * during a collection.
 */
static __always_inline bool may_collect(const struct process_config *p, __u64 tstate)
{
	return p->layout.flags & PY_FREE_THREADED || has_gil(p, tstate);
}

/* Whether a collection runs in the interpreter of this thread. */
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

/*
 * Called at a wait for the GIL. A running collection belongs to another thread, unless it is this
 * thread's own collection and a finalizer released the GIL.
 */
static __always_inline void note_others_gc(struct loop_thread *t, const struct process_config *p)
{
	if (!gc_runs(p, t->tstate))
		t->gc = GC_NONE;
	else if (t->gc != GC_OWN)
		t->gc = GC_OF_OTHER;
}

/*
 * Whether this thread, whose stack was walked, runs the collection. The thread's own collection
 * stays at one place of the stack: only finalizers run, above that place. If the thread's own code
 * continues, the collection belongs to another thread and began after this thread's last wait for
 * the GIL. The same is true if the thread does not hold the GIL: then it computes in C during the
 * collection.
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
