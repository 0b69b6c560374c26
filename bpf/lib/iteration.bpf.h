/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_ITERATION_BPF_H
#define AIOTRACE_LIB_ITERATION_BPF_H

/* An iteration's end, its statistics and its record. */
#include "lib/emit.bpf.h"

/* The bucket of a duration: see HIST_BUCKETS. */
static __always_inline __u32 hist_bucket(__u64 ns)
{
	__u32 octave = 0;
	__u64 rest = ns;

	if (ns < 8)
		return ns;
	if (rest >> 32) {
		rest >>= 32;
		octave += 32;
	}
	if (rest >> 16) {
		rest >>= 16;
		octave += 16;
	}
	if (rest >> 8) {
		rest >>= 8;
		octave += 8;
	}
	if (rest >> 4) {
		rest >>= 4;
		octave += 4;
	}
	if (rest >> 2) {
		rest >>= 2;
		octave += 2;
	}
	if (rest >> 1)
		octave += 1;
	octave = octave << 3 | ((ns >> (octave - 3)) & 7);
	return octave < HIST_BUCKETS ? octave : HIST_BUCKETS - 1;
}

/* Forgets what the iteration that ended has left. */
static __always_inline void reset_iteration(struct loop_thread *t)
{
	if (!t->dirty)
		return;
	__builtin_memset(t->cause_ns, 0, sizeof(t->cause_ns));
	__builtin_memset(t->cause_count, 0, sizeof(t->cause_count));
	__builtin_memset(t->pending_ns, 0, sizeof(t->pending_ns));
	__builtin_memset(t->pending_runnable_ns, 0, sizeof(t->pending_runnable_ns));
	__builtin_memset(t->pending_count, 0, sizeof(t->pending_count));
	t->task = t->coroutine = 0;
	t->samples = t->losses = 0;
	t->has_task = 0;
	t->dirty = 0;
}

static __always_inline void emit_iteration(struct loop_thread *t, __u64 now, __u32 flags)
{
	struct iteration_record r = {};

	fill_head(&r.head, RECORD_ITERATION, sizeof(r), t->pid, t->tid, now);
	r.iteration = t->iteration;
	r.start_ns = t->return_ns;
	r.duration_ns = now - t->return_ns;
	__builtin_memcpy(r.cause_ns, t->cause_ns, sizeof(r.cause_ns));
	__builtin_memcpy(r.cause_count, t->cause_count, sizeof(r.cause_count));
	r.runnable_ns = t->cause_ns[CAUSE_CPU_WAIT];
	r.epfd = t->epfd;
	r.samples = t->samples;
	r.flags = flags | (t->open_start ? ITERATION_OPEN_START : 0);
	r.losses = t->losses;
	emit(&r, sizeof(r), NOW);
}

/* The loop polls again: what lies between the poll's return and now was one iteration. */
static __always_inline void end_iteration(struct loop_thread *t, __u64 now, __u32 flags)
{
	__u64 duration = now - t->return_ns;
	__u32 bucket;

	if ((__s64)duration < 0)
		duration = 0;
	if (t->return_ns) {
		bucket = hist_bucket(duration);
		if (bucket < HIST_BUCKETS)
			t->stats.buckets[bucket]++;
		t->stats.iterations++;
		t->stats.busy_ns += duration;
		if (duration > t->stats.max_ns)
			t->stats.max_ns = duration;
		if (duration >= session.warn_ns) {
			t->stats.stalls++;
			emit_iteration(t, now, flags);
		}
	}
	reset_iteration(t);
	t->open_start = 0;
	t->iteration++;
	t->return_ns = now;
}

#endif
