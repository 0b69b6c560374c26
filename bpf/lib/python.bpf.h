/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_PYTHON_BPF_H
#define AIOTRACE_LIB_PYTHON_BPF_H

/*
 * Reading CPython from BPF: frames, code objects, names. The memory belongs to a program that runs,
 * may be hostile, or is shutting down: each read may fail, each loop is bounded, each offset is
 * masked into the buffer that it indexes.
 *
 * CONTEXT: runs in the switch-out (interrupts off), in system call tracepoints and in the
 * interrupt of the cpu-clock event. The last may interrupt the second on the same CPU, so
 * each of the three has scratch memory of its own.
 */
#include "lib/bounds.bpf.h"
#include "lib/emit.bpf.h"

enum scratch_slot {
	SCRATCH_POLL = 0,
	SCRATCH_SWITCH,
	SCRATCH_SAMPLE,
	SCRATCH_MAX,
};

/* The kind of a poll, by the innermost significant frame. */
enum verdict {
	VERDICT_NONE = 0, /* no such frame: uvloop, or no asyncio */
	VERDICT_LOOP, /* BaseEventLoop._run_once or run_forever */
	VERDICT_NESTED, /* a coroutine or Handle._run: inside a callback */
};

enum code_class {
	CODE_PLAIN = 0,
	CODE_RUN_LOOP,
	CODE_HANDLE_RUN,
};

#define FIELD_BYTES 128 /* a field may begin in these bytes */
#define FIELD_BUFFER (FIELD_BYTES + 8) /* and room for the last u64 */
#define CODE_READ_FROM 32
#define CODE_READ_SIZE 128
#define FRAME_OBJECT_READ 120 /* f_lasti ends at 108 in 3.8; the object has 360 bytes or more */
#define IFRAME_READ 80 /* sizeof(_PyInterpreterFrame) is 80 or more in 3.11 to 3.15 */
#define MAX_COROUTINES 16 /* an eager task's own coroutine is searched among these */
#define TEXTS_SIZE (2 * TEXT_MAX + LINETABLE_MAX)

struct scratch {
	struct stack_record stack;
	struct frame frames[MAX_FRAMES];

	struct py_layout layout; /* of the process whose stack is walked */
	__u32 generation;

	/*
	 * tid of the thread whose stack is walked: SCRATCH_POLL may be taken over by another
	 * thread, see enum in_probe
	 */
	__u32 owner;
	__u64 search_interp; /* the search for a thread's state: see find_tstate */
	__u64 search_tstate;
	__u64 found_tstate;
	__u64 searched_all; /* the search has come to the end of the lists */

	__u64 next_frame;
	__u64 thread_pointer; /* of the thread whose stack is walked; 0: not the current thread */
	__u64 greenlet; /* greenlet whose frames are walked; 0: the frames of the thread's state */
	__u64 spill_start; /* part of that greenlet's C stack, which was copied to the heap */
	__u64 spill_bytes;
	__u64 spill_copy;
	__u64 hash;
	__u64 root_coroutine; /* outermost coroutine of the running callback */
	__u64 root_code; /* its code_id */
	__u64 coroutines[MAX_COROUTINES]; /* on the stack, the innermost ones: `coroutine_count` */
	__u64 handle; /* asyncio.Handle of the running callback; 0: none seen */
	__u64 frame_address; /* of the present frame */
	__u64 code_address; /* of the present frame */
	__u64 code_id;
	__u32 code_class;
	__u32 count;
	__u32 flags;
	__u32 verdict;
	__u32 root_final; /* the walk has passed the callback's first frame */
	__u32 greenlets; /* parents entered so far */
	__u32 coroutine_count;
	__u8 frame_bytes[FIELD_BUFFER];
	__u8 code_bytes[FIELD_BUFFER];

	/* Both records end where the texts begin. */
	union {
		struct code_record code;
		struct {
			__u8 task_gap[sizeof(struct code_record) - sizeof(struct task_record)];
			struct task_record task;
		};
	};
	__u8 texts[TEXTS_SIZE + 8];
	struct text text; /* what copy_text copied */

	struct sample_record sample; /* the words of the user stack follow it */
	__u64 words[SAMPLE_WORDS];

	__u64 path_dentry; /* for the walk from a file up to the root: see path_step */
	__u64 path_mount;
	__u64 path_bytes;
	__u64 path_root;
	__u64 child_link; /* for the walk along a task's children: see child_step */
	__u64 child; /* task_struct of the wanted child, or of the newest one */
	struct target_record target; /* its text follows it */
	__u8 target_text[TARGET_TEXT_MAX + 256];

	struct runs_record runs; /* its runs follow it */
	struct run run[RUNS_MAX];
};

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

static __always_inline __u64 field_u64(const __u8 *buffer, __u32 offset)
{
	return *(const __u64 *)(buffer + masked(offset, FIELD_BYTES));
}

static __always_inline __u32 field_u32(const __u8 *buffer, __u32 offset)
{
	return *(const __u32 *)(buffer + masked(offset, FIELD_BYTES));
}

static __always_inline __u8 field_u8(const __u8 *buffer, __u32 offset)
{
	return buffer[masked(offset, FIELD_BYTES)];
}

static __always_inline __u64 read_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

/* Of the code object in scratch->code_bytes. */
static __always_inline __u64 code_u64(const struct scratch *s, __u32 offset)
{
	return field_u64(s->code_bytes, offset - CODE_READ_FROM);
}

static __always_inline __u64 code_name(const struct scratch *s, const struct py_layout *l)
{
	return code_u64(s, l->code_qualname != PY_NO_OFFSET ? l->code_qualname : l->code_name);
}

/*
 * Identifies a code object. The address alone is not sufficient, because memory is reused. Two code
 * objects with the same address, first line and three string objects have never been seen.
 */
static __always_inline __u64 code_identity(const struct scratch *s, const struct py_layout *l,
					   __u64 address, __u32 pid, __u32 generation)
{
	__u64 id = mix(address, ((__u64)pid << 32) | generation);

	id = mix(id, code_name(s, l));
	id = mix(id, code_u64(s, l->code_filename));
	id = mix(id, code_u64(s, l->code_linetable));
	return mix(id, field_u32(s->code_bytes, l->code_firstlineno - CODE_READ_FROM)) | 1;
}

/* PyASCIIObject.state: interned 2 bits, kind 3, compact 1, ascii 1; all versions with the GIL. */
#define UNICODE_KIND(state) (((state) >> 2) & 7)
#define UNICODE_COMPACT (1u << 5)
#define UNICODE_ASCII (1u << 6)

/* The eight bytes of text that end `back` bytes before its end; 0 if it is shorter. */
static __always_inline __u64 tail_u64(const struct scratch *s, __u32 start, __u32 bytes, __u32 back)
{
	__u64 at;

	if (bytes < back + 8 || bytes > TEXT_MAX || start > TEXT_MAX)
		return 0;
	at = start + bytes - back - 8;
	if (!IS_AT_MOST(at, 2 * TEXT_MAX))
		return 0;
	return *(const __u64 *)(s->texts + at);
}

/* Eight characters as a little-endian number. */
#define CHARS8(a, b, c, d, e, f, g, h)                                                           \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/*
 * asyncio's own frames that show where a loop runs and a callback begins:
 * BaseEventLoop._run_once and run_forever in asyncio/base_events.py, Handle._run in
 * asyncio/events.py (Lib/asyncio, 3.8 to 3.15).
 */
static __always_inline __u32 classify_code(const struct scratch *s, const struct text *name,
					   const struct text *file)
{
	__u64 last = tail_u64(s, name->bytes, file->bytes, 0);
	__u64 before = tail_u64(s, name->bytes, file->bytes, 8);
	__u64 function = tail_u64(s, 0, name->bytes, 0);
	__u64 at;

	if (name->width != 1 || file->width != 1 ||
	    last != CHARS8('v', 'e', 'n', 't', 's', '.', 'p', 'y'))
		return CODE_PLAIN;
	if (before == CHARS8('o', '/', 'b', 'a', 's', 'e', '_', 'e') &&
	    (function == CHARS8('r', 'u', 'n', '_', 'o', 'n', 'c', 'e') ||
	     function == CHARS8('_', 'f', 'o', 'r', 'e', 'v', 'e', 'r')))
		return CODE_RUN_LOOP;
	if (before != CHARS8('s', 'y', 'n', 'c', 'i', 'o', '/', 'e'))
		return CODE_PLAIN;
	at = (__u64)name->bytes - 4; /* a huge number if the text is shorter */
	if (!IS_AT_MOST(at, TEXT_MAX))
		return CODE_PLAIN;
	if (*(const __u32 *)(s->texts + at) == (__u32)CHARS8('_', 'r', 'u', 'n', 0, 0, 0, 0))
		return CODE_HANDLE_RUN;
	return CODE_PLAIN;
}

#endif
