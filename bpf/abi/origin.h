/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_ORIGIN_H
#define AIOTRACE_ABI_ORIGIN_H

#include <linux/types.h>

#include "config.h"
#include "layout.h"

/* `leaks --origin`: what bpf/origin.bpf.c and user space share. One process, so one layout. */

#define ORIGIN_FRAMES 16 /* the innermost ones of who made it */

struct origin_config {
	__u32 pid; /* tgid, initial pid namespace */
	__u32 own_frame; /* the thread's innermost frame is the coroutine's own, not its maker's (3.11+) */
	__u64 interpreters_head; /* address of the pointer */
	__u64 coro_type; /* PyCoro_Type, PyAsyncGen_Type: what else is made is not kept */
	__u64 async_gen_type;
	struct py_layout layout;
};

struct origin_frame {
	__u64 code; /* address of the code object */
	__s32 lasti; /* byte offset of the instruction in the bytecode, -1: none has run yet */
	__u32 pad;
};

/* How a coroutine or asynchronous generator came to be, by its address. */
struct origin {
	__u64 made_ns; /* CLOCK_MONOTONIC */
	__u32 tid;
	__u32 count; /* frames, innermost first; 0: they could not be read */
	struct origin_frame frames[ORIGIN_FRAMES];
};

struct origin_counts {
	__u64 traps;
	__u64 kept;
	__u64 no_stack; /* of the kept ones: the thread's state was not found, or not readable */
	__u64 lost; /* coroutines for which there was no entry to be had */
	__u64 run_ns; /* of the program */
};

#ifdef __cplusplus
static_assert(sizeof(struct origin) == 16 + 16 * ORIGIN_FRAMES, "both sides must agree");
#endif

#endif
