/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_STEPS_H
#define AIOTRACE_ABI_STEPS_H

#include <linux/types.h>

#include "config.h"
#include "layout.h"
#include "records.h"

/*
 * `awaits --exact`: shared by bpf/steps.bpf.c and user space. There is one process, so one layout.
 */

#define MATCH_STATES \
	64 /* one more than the number of characters of --match that are compared with task names */

#define STEPPED_MAX 8

struct step_config {
	__u32 pid; /* tgid, initial pid namespace */
	/* the probed function returns the yielded object, not a PySendResult (<= 3.9) */
	__u32 send_gives_object;
	__u64 coro_type; /* PyCoro_Type, PyGen_Type, PyAsyncGen_Type */
	__u64 gen_type;
	__u64 async_gen_type;
	__u64 none; /* _Py_NoneStruct; 0: unknown */
	__u64 sleep_code; /* code object of asyncio.sleep; 0: unknown */
	__u32 sleep_timer; /* index of its variable `h` */
	__u32 timer_when; /* offset of TimerHandle._when; PY_NO_OFFSET: unknown */
	__u64 timer_type; /* asyncio.events.TimerHandle */
	__u32 float_value;
	__u32 nested_sends; /* the probed function also resumes awaited coroutines (<= 3.11) */
	__u32 match_length; /* length of --match; 0: no --match */

	__u32 coro_frame; /* cr_frame (3.8-3.10) */
	__u32 coro_code; /* cr_code (3.8-3.11) */
	__u32 coro_state; /* i8 cr_frame_state (3.11+) */
	__u32 code_code; /* the bytes co_code (3.8-3.10) */
	__u32 frame_stacktop; /* as UserLayout::frame_stacktop */
	__u32 frame_valuestack; /* 3.8-3.10 */
	__u32 type_basicsize;
	__u32 type_flags;
	__u32 unicode_kind_shift;
	__u32 unicode_compact_bit;
	__u32 unicode_ascii_bit;
	struct py_layout layout;
	/*
	 * Addresses where the kernel executes the probed instruction in a single step, which is a
	 * second trap. 0: end of the list.
	 */
	__u64 stepped_at[STEPPED_MAX];
	/*
	 * The automaton (Knuth, Morris, Pratt) that searches --match in a task's name: next state
	 * by state and byte. The state match_length means: found.
	 */
	__u8 match_next[MATCH_STATES * 256];
};

#define CHAIN_MAX 32 /* links of an await chain that are reported */

struct chain_link {
	__u64 code; /* address of the code object */
	__s32 lasti; /* byte offset of the instruction in the bytecode */
	__u32 pad;
};

/* In the ring buffer: an await chain that user space has not named yet. The root comes first. */
struct chain_record {
	struct record head; /* type: RECORD_CHAIN */
	__u64 chain; /* hash of the links, never 0 */
	__u64 task; /* addresses: valid while the task waits there */
	__u64 coroutine;
	__u64 target; /* the object that the last link awaits */
	__u32 count;
	__u32 too_deep; /* the innermost links are missing */
	struct chain_link links[CHAIN_MAX];
};

#define RECORD_CHAIN 64 /* not part of enum record_type: this record has its own ring buffer */

/* What is known about a chain. User space writes it when it has a name for the chain. */
struct chain_state {
	__u64 sent_ns; /* when the chain was last sent */
	__u32 named;
	__u32 unwanted; /* --match is in no function or file name of the chain */
};

struct step_key {
	__u64 chain;
	__u32 matched; /* decided by the task's name */
	__u32 pad;
};

/* Durations of one await chain, or delays of one group of tasks. */
struct step_stats {
	__u64 count;
	__u64 total_ns;
	__u64 max_ns;
	__u32 buckets[HIST_BUCKETS];
};

#define GROUP_TEXT 64

/*
 * Group of tasks whose names differ only in digits ('*' replaces them). Unnamed tasks are grouped
 * by coroutine.
 */
struct group_key {
	__u8 bytes; /* length; 0: unreadable */
	__u8 width; /* bytes of a character: 1, 2, 4 */
	__u8 coroutine; /* the text is the coroutine's name: the task has no name of its own */
	__u8 cut;
	__u8 pad[4];
	__u8 text[GROUP_TEXT];
};

/* A task, by its root coroutine. */
struct step_task {
	__u64 task; /* address */
	__u64 since_ns; /* start of its present await; 0: it runs, or the start was not seen */
	__u64 future; /* the future that it waits for */
	__u64 due_ns; /* of a sleep: when the timer is due; 0: not a sleep */
	__u64 chain;
	__u64 name; /* object */
	__u32 matched;
	__u32 pad;
	struct group_key group;
};

#define STEP_LEVELS 4 /* nested steps: eager tasks start inside another task's step */

struct step_level {
	__u64 sp; /* stack pointer at the function's entry (address of the return address) */
	__u64 coroutine;
	__u64 result; /* where the function stores the yielded object */
	__u64 pad;
};

/* One thread of the target that runs tasks. */
struct step_thread {
	__u64 entries; /* number of traps, at entries and returns */
	__u64 stepped; /* entries at config.stepped_at */
	__u64 returns;
	__u64 run_ns; /* run time of the programs, without the traps */
	__u32 depth;
	__u32 pad;
	struct step_level levels[STEP_LEVELS];
	__u64 object; /* while following a chain: the next object */
	struct chain_record chain;
	__u64 words[64]; /* words of the stack, or text */
	struct group_key group; /* of the task in this step */
	__u32 matched;
	__u32 name_pad;
};

enum step_loss {
	/* no room in the ring buffer for a chain: it is sent again later */
	STEP_LOSS_RING_FULL = 0,
	STEP_LOSS_TASKS_FULL, /* no room for a task: its awaits are not counted */
	STEP_LOSS_SITES_FULL, /* no room for an await: it was not counted */
	STEP_LOSS_THREADS_FULL,
	STEP_LOSS_TASK_UNKNOWN, /* step of a coroutine whose task was not found */
	STEP_LOSS_CHAIN_TOO_DEEP,
	STEP_LOSS_GROUPS_FULL, /* no room for a delay: it was not counted */
	STEP_LOSS_READY_UNKNOWN, /* a step whose wake-up was not seen: its delay is not counted */
	STEP_LOSS_MAX,
};

ABI_ASSERT_SIZE(struct step_config, 8 + 40 + 8 + 8 + 12 + 11 * 4 + sizeof(struct py_layout) +
					    8 * STEPPED_MAX + MATCH_STATES * 256);
ABI_ASSERT_SIZE(struct chain_record, 24 + 32 + 8 + 16 * CHAIN_MAX);
ABI_ASSERT_SIZE(struct step_stats, 24 + 4 * HIST_BUCKETS);
ABI_ASSERT_SIZE(struct group_key, 72);
ABI_ASSERT_SIZE(struct step_task, 6 * 8 + 8 + 72);
ABI_ASSERT_SIZE(struct step_thread,
		40 + 32 * STEP_LEVELS + 8 + sizeof(struct chain_record) + 512 + 72 + 8);

#endif
