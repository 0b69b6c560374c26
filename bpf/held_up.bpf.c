// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * What a stall delays: callbacks that are ready and wait for it, and timers that are due. Read in
 * the loop's own thread: when it leaves the CPU, at samples, and when it polls again.
 */
#include "lib/bits.bpf.h"
#include "lib/held_up.bpf.h"

#define NS_PER_S 1000000000ull

/* Binary digits behind the point of a time in seconds that are used: microseconds. */
#define FRACTION_BITS 20
#define DOUBLE_BITS 52
#define DOUBLE_BIAS 1023

/*
 * A time, in seconds << FRACTION_BITS, as the double that Python has; these compare like whole
 * numbers. IEEE 754.
 */
static __always_inline __u64 double_of(__u64 fixed)
{
	__u64 top = highest_bit(fixed);

	return (DOUBLE_BIAS + top - FRACTION_BITS) << DOUBLE_BITS |
	       (fixed << ((DOUBLE_BITS - top) & 63) & ((1ull << DOUBLE_BITS) - 1));
}

static __always_inline __u64 double_of_ns(__u64 ns)
{
	return double_of((ns / NS_PER_S << FRACTION_BITS) +
			 ((ns % NS_PER_S << FRACTION_BITS) / NS_PER_S));
}

/* The other way, of one that is not less than a microsecond and has no sign. */
static __always_inline __u64 ns_of_double(__u64 bits)
{
	__u64 top = (bits >> DOUBLE_BITS) - DOUBLE_BIAS + FRACTION_BITS;
	__u64 fixed = (bits & ((1ull << DOUBLE_BITS) - 1)) | 1ull << DOUBLE_BITS;

	if (top > DOUBLE_BITS)
		return 0;
	fixed >>= (DOUBLE_BITS - top) & 63;
	return (fixed >> FRACTION_BITS) * NS_PER_S +
	       ((fixed & ((1u << FRACTION_BITS) - 1)) * NS_PER_S >> FRACTION_BITS);
}

/* The object's length if it has that type. */
static __always_inline long length_of(const struct loop_queue *q, __u64 object, __u64 type)
{
	struct {
		__u64 type, length;
	} head;

	if (bpf_probe_read_user(&head, sizeof(head), (void *)(object + q->type_at)) ||
	    head.type != type || head.length > LOOP_QUEUE_MAX)
		return -1;
	return head.length;
}

__noinline int note_ready(__u32 tid)
{
	struct loop_queue *q = bpf_map_lookup_elem(&loop_queues, &tid);
	struct loop_thread *t = find_thread(tid);
	long ready;

	if (!q || !t || !q->ready)
		return 0;
	ready = length_of(q, q->ready, q->ready_type);
	if (ready < 0)
		return 0;
	t->dirty = 1;
	if ((__u32)ready + 1 > t->ready)
		t->ready = (__u32)ready + 1;
	return 0;
}

/*
 * 1 if a < b, else 0, for values below 2^63. Without a branch, because the verifier would follow
 * both ways.
 */
static __always_inline __u64 is_less(__u64 a, __u64 b)
{
	__u64 less = (a - b) >> 63;

	/* Without this, clang makes a branch of it again. */
	barrier_var(less);
	return less;
}

/* a if `first` is 1, b if it is 0. */
static __always_inline __u64 choose(__u64 first, __u64 a, __u64 b)
{
	return b ^ ((a ^ b) & -first);
}

/* 1 if they are equal, both below 2^63. */
static __always_inline __u64 is_same(__u64 a, __u64 b)
{
	return 1 - is_less(0, a ^ b);
}

/* The time of a timer as a double; 0 for what is neither a float nor a small int. */
static __always_inline __u64 time_of(const struct loop_queue *q, __u64 when)
{
	struct {
		__u64 tag;
		__u32 digit;
	} number = {};
	__u64 type = 0, bits = 0, whole;

	/* What cannot be read is 0, and not due. */
	bpf_probe_read_user(&type, sizeof(type), (void *)(when + q->type_at));
	bpf_probe_read_user(&bits, sizeof(bits), (void *)(when + q->float_at));
	bpf_probe_read_user(&number, 12, (void *)(when + q->int_at));
	whole = is_same(type, q->int_type) & is_same(number.tag & ~(1ull << 63), q->one_digit);
	bits = choose(is_same(type, q->float_type), bits, 0);
	return choose(whole, double_of((__u64)number.digit << FRACTION_BITS), bits);
}

/*
 * Walks the due part of the heap: no timer below another one is due earlier. Numbered from 1, the
 * children of k are 2k and 2k+1. The node that follows k and all nodes below it is (k+1) without
 * its trailing zero bits; behind the last one that is 1. There are no branches, so the verifier
 * walks the loop once for each timer.
 */
__noinline int note_timers(__u32 tid, __u64 now)
{
	struct loop_queue *q = bpf_map_lookup_elem(&loop_queues, &tid);
	struct loop_thread *t = find_thread(tid);
	__u64 items = 0, now_bits = double_of_ns(now), first = now_bits;
	__u64 k = 1, due = 0, late;
	long length;
	__u32 i;

	if (!q || !t || !q->timers)
		return 0;
	length = length_of(q, q->timers, q->timers_type);
	if (length < 0 ||
	    bpf_probe_read_user(&items, sizeof(items), (void *)(q->timers + q->type_at + 16)))
		return 0;
	for (i = 0; i < LOOP_TIMERS_VISITS; i++) {
		__u64 timer = 0, when = 0, bits = 0, callback = 0, before, counts;

		bpf_probe_read_user(&timer, sizeof(timer), (void *)(items + 8 * (k - 1)));
		bpf_probe_read_user(&when, sizeof(when), (void *)(timer + q->when_at));
		bits = time_of(q, when);
		bpf_probe_read_user(&callback, sizeof(callback), (void *)(timer + q->callback_at));
		before = is_less(k, length + 1) & is_less(bits, now_bits) & is_less(0, bits);
		counts = before & is_less(0, (callback ^ q->none) & ~(1ull << 63));
		due += counts;
		bits = choose(counts, bits, now_bits);
		first = choose(is_less(bits, first), bits, first);
		k = choose(before, 2 * k, (k + 1) >> lowest_bit(k + 1));
		if (k == 1)
			break;
	}
	t->dirty = 1;
	/* One that was due before the iteration was made in it, or it would have run. */
	late = first < now_bits ? now - ns_of_double(first) : 0;
	if (t->return_ns && late > now - t->return_ns)
		late = now - t->return_ns;
	t->timers_late_ns = late;
	t->timers = ((__u32)due + 1) | (k == 1 ? 0 : LOOP_TIMERS_AT_LEAST);
	return 0;
}
