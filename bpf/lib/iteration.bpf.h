/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_ITERATION_BPF_H
#define AIOTRACE_LIB_ITERATION_BPF_H

/* An iteration's end, its statistics and its record. */
#include "lib/compat.bpf.h"
#include "lib/emit.bpf.h"

/* Is a thread in this system call inside its loop's own wait? */
static __always_inline bool in_own_poll(const struct loop_thread *t, __s64 syscall, __s32 epfd)
{
	if (t->epfd == EPFD_SELECT)
		return t->in_select && is_select(syscall);
	return is_epoll(syscall) && epfd == t->epfd;
}

/*
 * The place of the leading bit of a word whose lower bits are all set, by its product with
 * a de Bruijn sequence: durations jump about, and six branches that nobody can predict are
 * dearer than all the rest of a poll's probe.
 */
#define LEADING_BIT_SEQUENCE 0x03f79d71b4cb0a89ull

static const __u8 leading_bit[64] = {
	0,  47, 1,  56, 48, 27, 2,  60, 57, 49, 41, 37, 28, 16, 3,  61, 54, 58, 35, 52, 50, 42,
	21, 44, 38, 32, 29, 23, 17, 11, 4,  62, 46, 55, 26, 59, 40, 36, 15, 53, 34, 51, 20, 43,
	31, 22, 10, 45, 25, 39, 14, 33, 19, 30, 9,  24, 13, 18, 8,  12, 7,  6,	5,  63,
};

/* The bucket of a duration: see HIST_BUCKETS. */
static __always_inline __u32 hist_bucket(__u64 ns)
{
	__u64 filled = ns;
	__u32 octave, bucket;

	if (ns < 8)
		return ns;
	filled |= filled >> 1;
	filled |= filled >> 2;
	filled |= filled >> 4;
	filled |= filled >> 8;
	filled |= filled >> 16;
	filled |= filled >> 32;
	octave = leading_bit[(filled * LEADING_BIT_SEQUENCE) >> 58];
	bucket = octave << 3 | ((ns >> ((octave - 3) & 63)) & 7);
	return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
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

/* Tells of a loop that has been found: bpf/report.bpf.c. */
int send_loop(__u32 tid, __u64 now);

/* Tells of an iteration that was a stall: bpf/report.bpf.c. */
int send_iteration(__u32 tid, __u64 now, __u32 flags);

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
			send_iteration(t->tid, now, flags);
		}
	}
	reset_iteration(t);
	t->open_start = 0;
	t->iteration++;
	t->return_ns = now;
}

#endif
