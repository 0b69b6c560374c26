/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_WALK_BPF_H
#define AIOTRACE_LIB_WALK_BPF_H

/* Walks from frame to frame. One step is here; bpf/python.bpf.c repeats it. */
#include "lib/compat.bpf.h"
#include "lib/python.bpf.h"

#define CO_COROUTINE 0x80 /* Include/cpython/code.h */
#define CO_ITERABLE_COROUTINE 0x100
#define OWNER_GENERATOR 1 /* enum _frameowner: FRAME_OWNED_BY_GENERATOR, 3.11 to 3.15 */

struct code_class_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* code_id */
	__type(value, __u32); /* enum code_class */
};

struct stacks_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* stack_id */
	__type(value, __u32);
};

/* Code objects and stacks that were already sent to user space. */
extern struct code_class_map codes SEC(".maps");
extern struct stacks_map stacks SEC(".maps");

enum step {
	STEP_END = 0,
	STEP_NEXT, /* a frame that is not Python: pass over it */
	STEP_FRAME,
};

/*
 * Where to read data at an address of a suspended greenlet's C stack. Frames of the evaluation loop
 * are on that stack (3.12+), and another greenlet may use the same part of the stack now.
 */
static __always_inline __u64 unspilled(const struct scratch *s, __u64 address)
{
	__u64 offset = address - s->spill_start;

	return offset < s->spill_bytes ? s->spill_copy + offset : address;
}

/* Reads the frame at next_frame and its code object into scratch and moves on. */
static __always_inline enum step read_frame(struct scratch *s, const struct py_layout *l,
					    __u64 *coroutine)
{
	__u64 frame = s->next_frame, code;
	__u32 co_flags;

	*coroutine = 0;
	if (!frame)
		return STEP_END;
	if (bpf_probe_read_user(s->frame_bytes,
				l->flags & PY_FRAME_OBJECTS ? FRAME_OBJECT_READ : IFRAME_READ,
				(void *)unspilled(s, frame)))
		goto unreadable;
	s->frame_address = frame;
	s->next_frame = field_u64(s->frame_bytes, l->frame_previous);
	code = field_u64(s->frame_bytes, l->frame_code);
	if (l->flags & PY_TAGGED_REFS)
		code &= ~3ull;
	if (!code)
		return STEP_NEXT; /* 3.15's base frame */
	if (!(l->flags & PY_FRAME_OBJECTS) &&
	    field_u8(s->frame_bytes, l->frame_owner) >= l->frame_owner_shim)
		return STEP_NEXT;
	if (bpf_probe_read_user(s->code_bytes, CODE_READ_SIZE, (void *)(code + CODE_READ_FROM)))
		goto unreadable;
	s->code_address = code;
	co_flags = field_u32(s->code_bytes, l->code_flags - CODE_READ_FROM);
	if (co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE)) {
		if (l->flags & PY_FRAME_OBJECTS)
			*coroutine = field_u64(s->frame_bytes, l->frame_gen);
		else if (field_u8(s->frame_bytes, l->frame_owner) == OWNER_GENERATOR)
			*coroutine = frame - l->gen_iframe;
	}
	return STEP_FRAME;
unreadable:
	s->flags |= STACK_UNREADABLE;
	return STEP_END;
}

/* Byte offset of the instruction that runs or waits, -1: no instruction has run yet. */
static __always_inline __s32 last_instruction(const struct scratch *s, const struct py_layout *l)
{
	__s64 offset;

	if (l->flags & PY_FRAME_OBJECTS) {
		offset = (__s32)field_u32(s->frame_bytes, l->frame_instr);
		if (offset > 0 && l->flags & PY_LASTI_IN_UNITS)
			offset *= 2;
	} else {
		offset = field_u64(s->frame_bytes, l->frame_instr) - s->code_address -
			 l->code_bytecode;
	}
	return offset < 0 || offset > 0x7ffffffe ? -1 : offset;
}

/* _PyInterpreterFrame.is_entry of 3.11, right before `owner`: Include/internal/pycore_frame.h. */
static __always_inline __u32 is_entry(const struct scratch *s, const struct py_layout *l)
{
	return l->version >> 16 == 0x030b && field_u8(s->frame_bytes, l->frame_owner - 1);
}

/*
 * Since 3.12 the evaluation function adds a frame of its own below the frame for which C code
 * called it: _PyEval_EvalFrameDefault, Python/ceval.c. The mark becomes part of the stack's hash.
 */
static __always_inline void mark_entry(struct scratch *s)
{
	__u32 last = s->count - 1;

	if (last >= MAX_FRAMES)
		return;
	s->frames[masked(last, MAX_FRAMES)].flags |= FRAME_ENTRY;
	s->hash = mix(s->hash, FRAME_ENTRY);
}

/* Adds the frame that read_frame found to the stack. */
static __always_inline void add_frame(struct scratch *s, const struct py_layout *l, __u64 coroutine)
{
	struct frame *frame = &s->frames[masked(s->count, MAX_FRAMES)];

	frame->code_id = s->code_id;
	frame->lasti = last_instruction(s, l);
	frame->flags = (coroutine ? FRAME_COROUTINE : 0) | (is_entry(s, l) ? FRAME_ENTRY : 0);
	s->hash = mix(s->hash, frame->code_id);
	s->hash = mix(s->hash, (__u32)frame->lasti);
	s->count++;
	if (s->code_class) {
		/* Handle._run(self): self is the first local variable. */
		if (s->code_class == CODE_HANDLE_RUN && !s->root_final)
			s->handle = read_u64(s->frame_address + l->frame_localsplus);
		s->root_final = 1;
		if (!s->verdict)
			s->verdict = s->code_class == CODE_RUN_LOOP ? VERDICT_LOOP : VERDICT_NESTED;
	} else if (coroutine) {
		if (!s->verdict)
			s->verdict = VERDICT_NESTED;
		if (!s->root_final) {
			if (s->coroutine_count < MAX_COROUTINES)
				s->coroutines[masked(s->coroutine_count++, MAX_COROUTINES)] =
					coroutine;
			s->root_coroutine = coroutine;
			s->root_code = s->code_id;
		}
	}
}

#endif
