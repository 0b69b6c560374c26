/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_LOOP_QUEUE_H
#define AIOTRACE_ABI_LOOP_QUEUE_H

#include "config.h"

/*
 * Where an asyncio loop keeps what it has still to do, found by user space; addresses of the
 * traced program. An object is believed only while its type is still the one that it had.
 */
struct loop_queue {
	__u64 ready; /* BaseEventLoop._ready, a collections.deque; 0: not known */
	__u64 ready_type;
	__u64 timers; /* ._scheduled, a list that is a heap; 0: not known, or none of asyncio's */
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

/* No loop has more, as far as anybody believes. */
#define LOOP_QUEUE_MAX 10000000
/* Timers of a heap that are looked at: those that are due, and the first behind them that are not. */
#define LOOP_TIMERS_VISITS 64
/* In the number of timers: there may be more. */
#define LOOP_TIMERS_AT_LEAST 0x80000000u

ABI_ASSERT_SIZE(struct loop_queue, 88);

#endif
