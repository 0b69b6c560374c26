// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Whom a stall holds up: callbacks that are ready behind it, and timers that are due. Read in
 * the loop's own thread: when it leaves the CPU, at samples, and when it polls again.
 */
#include "lib/bits.bpf.h"
#include "lib/held_up.bpf.h"

#define NS_PER_S 1000000000ull

/* Digits behind the point of a time in seconds as a number: microseconds. */
#define FRACTION_BITS 20
#define DOUBLE_BITS 52
#define DOUBLE_BIAS 1023

/* A time as the double of seconds that Python has; these compare like whole numbers. IEEE 754. */
static __always_inline __u64 double_of_ns(__u64 ns)
{
	__u64 fixed = (ns / NS_PER_S << FRACTION_BITS) +
		      ((ns % NS_PER_S << FRACTION_BITS) / NS_PER_S);
	__u64 top = fixed ? highest_bit(fixed) : 0;

	return (DOUBLE_BIAS + top - FRACTION_BITS) << DOUBLE_BITS |
	       (fixed << ((DOUBLE_BITS - top) & 63) & ((1ull << DOUBLE_BITS) - 1));
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
 * Walks the part of the heap that is due: none below a timer comes before it. With numbers from 1
 * the two below k are 2k and 2k+1; behind k and all below it comes (k+1) without its zero bits at
 * the end. What the walk keeps stands in the map: of what is read from there the verifier knows
 * nothing that would tell its states apart, which would be too many.
 */
__noinline int note_timers(__u32 tid, __u64 now)
{
	struct loop_queue *q = bpf_map_lookup_elem(&loop_queues, &tid);
	struct loop_thread *t = find_thread(tid);
	__u64 items = 0, now_bits = double_of_ns(now), bits;
	volatile __u64 *first;
	volatile __u32 *at;
	__u32 i, due = 0;
	long length;

	if (!q || !t || !q->timers)
		return 0;
	length = length_of(q, q->timers, q->timers_type);
	if (length < 0 || bpf_probe_read_user(&items, sizeof(items),
					      (void *)(q->timers + q->type_at + 16)))
		return 0;
	t->dirty = 1;
	at = &t->timers;
	first = &t->timers_late_ns;
	*at = 1;
	*first = now_bits;
	for (i = 0; i < LOOP_TIMERS_VISITS; i++) {
		__u64 timer = 0, when = 0, callback = 0;
		__u32 k = *at;

		bits = 0;
		bpf_probe_read_user(&timer, sizeof(timer), (void *)(items + 8 * (k - 1)));
		bpf_probe_read_user(&when, sizeof(when), (void *)(timer + q->when_at));
		bpf_probe_read_user(&bits, sizeof(bits), (void *)(when + q->float_at));
		bpf_probe_read_user(&callback, sizeof(callback), (void *)(timer + q->callback_at));
		if (k > length || bits >= now_bits) {
			k++;
			k >>= lowest_bit(k);
			if (k == 1)
				break;
			*at = k;
			continue;
		}
		*at = 2 * k;
		if (callback == q->none)
			continue;
		due++;
		if (bits < *first)
			*first = bits;
	}
	bits = *first;
	t->timers_late_ns = bits < now_bits ? now - ns_of_double(bits) : 0;
	t->timers = (due + 1) | (i < LOOP_TIMERS_VISITS ? 0 : LOOP_TIMERS_AT_LEAST);
	return 0;
}
