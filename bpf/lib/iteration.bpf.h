/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_ITERATION_BPF_H
#define AIOTRACE_LIB_ITERATION_BPF_H

/* An iteration's end, its statistics and its record. */
#include "lib/bits.bpf.h"
#include "lib/bounds.bpf.h"
#include "lib/compat.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/held_up.bpf.h"

/* Whether a thread in this system call is inside its loop's own wait. */
static __always_inline bool in_own_poll(const struct loop_thread *t, __s64 syscall, __s32 epfd)
{
	if (t->epfd == EPFD_SELECT)
		return t->in_select && is_select(syscall);
	return is_epoll(syscall) && epfd == t->epfd;
}

/* The bucket of a duration: see HIST_BUCKETS. */
static __always_inline __u32 hist_bucket(__u64 ns)
{
	__u32 octave, bucket;

	if (ns < 8)
		return ns;
	octave = highest_bit(ns);
	bucket = octave << 3 | ((ns >> ((octave - 3) & 63)) & 7);
	return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

static __always_inline struct cause_time *time_of_cause(struct loop_thread *t, __u32 cause)
{
	return &t->causes[masked(cause, CAUSE_SLOTS)];
}

/* Resets the data of the iteration that ended. */
static __always_inline void reset_iteration(struct loop_thread *t)
{
	if (!t->dirty)
		return;
	__builtin_memset(t->causes, 0, sizeof(t->causes));
	t->away_ns = t->unseen_ns = t->sampled_ns = 0;
	t->task = t->coroutine = 0;
	t->samples = t->losses = 0;
	t->has_task = 0;
	t->found_ready = 0;
	t->ready = t->timers = 0;
	t->timers_late_ns = 0;
	t->dirty = 0;
}

/* Reports a loop that has been found: bpf/report.bpf.c. */
int send_loop(__u32 tid, __u64 now);

/* Reports an iteration that was a stall: bpf/report.bpf.c. */
int send_iteration(__u32 tid, __u64 now, __u32 flags);

/* The loop polls again: the time from the poll's return to now was one iteration. */
static __always_inline void end_iteration(struct loop_thread *t, __u64 now, __u32 flags)
{
	__u64 duration = now - t->return_ns, bucket;

	if ((__s64)duration < 0)
		duration = 0;
	if (t->return_ns) {
		bucket = hist_bucket(duration);
		if (IS_AT_MOST(bucket, HIST_BUCKETS - 1))
			t->stats.buckets[bucket]++;
		t->stats.iterations++;
		t->stats.busy_ns += duration - t->unseen_ns;
		if (duration > t->stats.max_ns)
			t->stats.max_ns = duration;
		if (duration >= session.warn_ns) {
			t->stats.stalls++;
			send_iteration(t->tid, now, flags);
		}
	}
	reset_iteration(t);
	t->open_start = 0;
	t->iteration++;
	t->return_ns = now;
}

#endif
