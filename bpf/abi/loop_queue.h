/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_LOOP_QUEUE_H
#define AIOTRACE_ABI_LOOP_QUEUE_H

#include "config.h"

/*
 * Where an asyncio loop keeps its callbacks and timers. User space finds the addresses, which are
 * in the traced program. BPF uses an object only while its type is the recorded one.
 */
struct loop_queue {
	__u64 ready; /* BaseEventLoop._ready, a collections.deque; 0: unknown */
	__u64 ready_type;
	__u64 timers; /* ._scheduled, a list used as a heap; 0: unknown, or not an asyncio loop */
	__u64 timers_type;
	__u64 none; /* None: the callback of a timer that was cancelled */
	__u64 float_type; /* of a timer's time; */
	__u64 int_type; /* or this one (aiohttp rounds its timeouts up) */
	__u64 one_digit; /* the tag of an int from 1 to 2^30 - 1, or its length up to 3.11 */
	__u32 type_at; /* offset of an object's type; its length comes behind, then a list's items */
	__u32 when_at; /* offsets in a TimerHandle: of _when, */
	__u32 callback_at; /* of _callback, */
	__u32 float_at; /* in a float, of its value, */
	__u32 int_at; /* and in an int, of its tag; its digits follow */
	__u32 pad;
};

/* A loop with more than this is not believed. */
#define LOOP_QUEUE_MAX 10000000
/* Timers of a heap that BPF reads: all that are due, and the first ones that are not. */
#define LOOP_TIMERS_VISITS 64
/* In the number of timers: a lower bound. */
#define LOOP_TIMERS_AT_LEAST 0x80000000u

ABI_ASSERT_SIZE(struct loop_queue, 88);

#endif
