/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_ORIGIN_H
#define AIOTRACE_ABI_ORIGIN_H

#include <linux/types.h>

#include "config.h"
#include "layout.h"

/*
 * `leaks --origin`: shared by bpf/origin.bpf.c and user space. There is one process, so one layout.
 */

#define ORIGIN_FRAMES 16 /* frames of the creator that are kept, the innermost ones */

struct origin_config {
	__u32 pid; /* tgid, initial pid namespace */
	/* the thread's innermost frame belongs to the new coroutine, not to its creator (3.11+) */
	__u32 own_frame;
	__u64 interpreters_head; /* address of the pointer */
	__u64 coro_type; /* PyCoro_Type, PyAsyncGen_Type: objects of other types are not recorded */
	__u64 async_gen_type;
	struct py_layout layout;
};

struct origin_frame {
	__u64 code; /* address of the code object */
	/* byte offset of the instruction in the bytecode, -1: no instruction has run yet */
	__s32 lasti;
	__u32 pad;
};

/* How a coroutine or asynchronous generator was created; the key is its address. */
struct origin {
	__u64 made_ns; /* CLOCK_MONOTONIC */
	__u32 tid;
	__u32 count; /* number of frames, innermost first; 0: the frames could not be read */
	struct origin_frame frames[ORIGIN_FRAMES];
};

struct origin_counts {
	__u64 traps;
	__u64 kept;
	__u64 no_stack; /* of the recorded ones: the thread state was not found or not readable */
	__u64 lost; /* coroutines for which no map entry was free */
	__u64 run_ns; /* of the program */
};

#ifdef __cplusplus
static_assert(sizeof(struct origin) == 16 + 16 * ORIGIN_FRAMES, "both sides must agree");
#endif

#endif
