/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_STEP_CHAIN_BPF_H
#define AIOTRACE_LIB_STEP_CHAIN_BPF_H

/* Where a task waits: its await chain, from the root coroutine to the line. */
#include "lib/step_maps.bpf.h"

#define SEND_AGAIN_NS 20000000 /* a chain that has no name yet */

/*
 * Address where a suspended coroutine or generator stores the object that it awaits (_PyGen_yf); 0:
 * it awaits nothing.
 */
static __always_inline __u64 awaited_by(__u64 object, __u64 frame, __u64 code, __s32 lasti,
					int coroutine)
{
	const volatile struct py_layout *l = &config.layout;

	if (l->version >= V3_13) {
		__s8 state = read_s8(object + config.coro_state);

		if (l->version >= V3_15 ? state != 2 && state != 3 : state != -1)
			return 0;
	} else if (!coroutine && l->version >= V3_11) {
		/*
		 * The argument of the RESUME that follows: 2 after `yield from`, 3 after `await`.
		 */
		if ((read_s8(code + l->code_bytecode + lasti + 3) & 3) < 2)
			return 0;
	} else if (!coroutine) {
		__u64 bytecode = read_u64(code + config.code_code);

		if (read_s8(bytecode + l->bytes_data + lasti + 2) != 72) /* YIELD_FROM */
			return 0;
	}
	if (l->version < V3_10)
		return read_u64(read_u64(frame + config.frame_stacktop) - 8);
	if (l->version < V3_11) {
		__s32 depth = read_s32(frame + config.frame_stacktop);

		return depth <= 0 ? 0 :
				    read_u64(read_u64(frame + config.frame_valuestack) +
					     ((__u64)depth - 1) * 8);
	}
	if (!(l->flags & PY_TAGGED_REFS)) {
		__s32 depth = read_s32(frame + config.frame_stacktop);

		return depth <= 0 ? 0 :
				    read_u64(frame + l->frame_localsplus + ((__u64)depth - 1) * 8);
	}
	return untagged(
		read_u64(read_u64(frame + config.frame_stacktop) - (l->version >= V3_15 ? 16 : 8)));
}

/* Converts a float object (seconds since boot) into ns. BPF has no arithmetic for doubles. */
static __always_inline __u64 ns_of_double(__u64 bits)
{
	__u32 exponent = (bits >> 52) & 0x7ff;
	__u64 mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52, fraction;
	__u32 shift;

	if (exponent < 1023 || exponent > 1023 + 32)
		return 0; /* less than a second, more than 136 years, negative, or not a number */
	shift = (1023 + 52 - exponent) & 63;
	fraction = (mantissa & ((1ull << shift) - 1)) >> ((shift - 20) & 63); /* 20 bits: 1 µs */
	return (mantissa >> shift) * 1000000000 + (fraction * 1000000000 >> 20);
}

/* Due time of the timer of an asyncio.sleep(). */
static __always_inline __u64 due_of_sleep(__u64 frame)
{
	__u64 timer;

	if (config.timer_when == PY_NO_OFFSET)
		return 0;
	timer = untagged(
		read_u64(frame + config.layout.frame_localsplus + config.sleep_timer * 8ull));
	if (!timer || type_of(timer) != config.timer_type)
		return 0;
	return ns_of_double(read_u64(read_u64(timer + config.timer_when) + config.float_value));
}

/*
 * Adds the link t->object to the chain and moves on to the object that it awaits; 0: it is not a
 * link.
 */
__noinline int walk_link(__u32 tid)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	const volatile struct py_layout *l = &config.layout;
	__u64 object, type, frame, code;
	struct chain_link *link;
	__u32 at;
	__s32 lasti;

	if (!t)
		return 0;
	object = t->object;
	type = type_of(object);
	if (type != config.coro_type && type != config.gen_type && type != config.async_gen_type)
		return 0;
	if (l->version < V3_11) {
		frame = read_u64(object + config.coro_frame);
		code = read_u64(object + config.coro_code);
		lasti = read_s32(frame + l->frame_instr);
		if (l->flags & PY_LASTI_IN_UNITS)
			lasti *= 2;
	} else {
		frame = object + l->gen_iframe;
		code = config.coro_code != PY_NO_OFFSET ? read_u64(object + config.coro_code) :
							  untagged(read_u64(frame + l->frame_code));
		lasti = read_u64(frame + l->frame_instr) - code - l->code_bytecode;
	}
	at = t->chain.count;
	if (!frame || !code || at >= CHAIN_MAX)
		return 0;
	link = &t->chain.links[masked(at, CHAIN_MAX)];
	link->code = code;
	link->lasti = lasti;
	t->chain.count = at + 1;
	t->chain.chain = (t->chain.chain ^ code ^ (__u64)lasti << 40) * 0x9e3779b97f4a7c15ull;
	t->chain.chain ^= t->chain.chain >> 29;
	if (code == config.sleep_code)
		t->words[0] = due_of_sleep(frame);
	t->object = awaited_by(object, frame, code, lasti, type == config.coro_type);
	return t->object != 0;
}

/* The chain at which a task waits. It is sent to user space until user space has a name for it. */
static __always_inline void find_chain(struct step_thread *t, __u32 tid, struct step_task *w,
				       __u64 coroutine, __u64 now)
{
	struct chain_state *known, fresh = {.sent_ns = now};
	__u64 chain;
	int more = 1;

	t->object = coroutine;
	t->chain.count = 0;
	t->chain.chain = 0;
	t->words[0] = 0;
	for (int i = 0; i < CHAIN_MAX && more; i++)
		more = walk_link(tid);
	if (more)
		lose(STEP_LOSS_CHAIN_TOO_DEEP);
	chain = t->chain.chain | 1;
	w->chain = chain;
	w->due_ns = t->words[0];
	known = bpf_map_lookup_elem(&chains, &chain);
	if (known && (known->named || now - known->sent_ns < SEND_AGAIN_NS))
		return;
	if (known)
		known->sent_ns = now;
	else if (bpf_map_update_elem(&chains, &chain, &fresh, BPF_ANY))
		return; /* reported as sites-full when its first await ends */
	t->chain.head.type = RECORD_CHAIN;
	t->chain.head.size = sizeof(t->chain);
	t->chain.head.pid = config.pid;
	t->chain.head.tid = tid;
	t->chain.head.time_ns = now;
	t->chain.chain = chain;
	t->chain.task = w->task;
	t->chain.coroutine = coroutine;
	t->chain.target = t->object;
	t->chain.too_deep = more;
	if (bpf_ringbuf_output(&ring, &t->chain, sizeof(t->chain), BPF_RB_FORCE_WAKEUP)) {
		lose(STEP_LOSS_RING_FULL);
		known = bpf_map_lookup_elem(&chains, &chain);
		if (known)
			known->sent_ns = 0;
	}
}

#endif
