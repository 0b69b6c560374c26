/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_STEP_NAME_BPF_H
#define AIOTRACE_LIB_STEP_NAME_BPF_H

/* A task's group: its name without its numbers, or its coroutine; and whether --match is in it. */
#include "lib/step_maps.bpf.h"

#define TPFLAGS_UNICODE_SUBCLASS (1ull << 28) /* Include/object.h */
#define NAME_BYTES 128 /* number of characters that are read */

/*
 * Copies the characters of a str into t->words. Returns the number of bytes, 0: it cannot be read.
 */
static __always_inline __u32 copy_name(struct step_thread *t, __u64 object)
{
	const volatile struct py_layout *l = &config.layout;
	__u32 state = read_s32(object + l->unicode_state), width;
	__u64 length = read_u64(object + l->unicode_length), bytes;
	__u64 data =
		object + (state >> (config.unicode_ascii_bit & 31) & 1 ? l->unicode_ascii_data :
									 l->unicode_compact_data);

	if (!(read_u64(type_of(object) + config.type_flags) & TPFLAGS_UNICODE_SUBCLASS))
		return 0;
	if (!(state >> (config.unicode_compact_bit & 31) & 1))
		return 0;
	width = state >> (config.unicode_kind_shift & 31) & 7;
	t->group.cut = length * width > NAME_BYTES;
	bytes = t->group.cut ? NAME_BYTES : length * width;
	if (!IS_AT_MOST(bytes, NAME_BYTES) || bpf_probe_read_user(t->words, bytes, (void *)data))
		return 0;
	t->group.width = width;
	return bytes;
}

/* "Task-7": asyncio's own name for a task that the program has not named. */
static __always_inline int is_default_name(const __u8 *text, __u32 bytes)
{
	return bytes > 5 && text[0] == 'T' && text[1] == 'a' && text[2] == 's' && text[3] == 'k' &&
	       text[4] == '-' && text[5] >= '0' && text[5] <= '9';
}

/*
 * Processes one character of the name in t->words. `matched` is the present state of the automaton,
 * `name_pad` says whether the last character was a digit. A function of its own, so that it is
 * verified once and not for each turn of the loop.
 */
__noinline int name_character(__u32 tid, __u32 i)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u32 digit, out;
	__u64 state;
	__u8 c;

	if (!t)
		return 0;
	c = ((const __u8 *)t->words)[masked(i, NAME_BYTES)];
	state = t->matched;
	if (state != config.match_length)
		t->matched = config.match_next[masked(state << 8 | c, MATCH_STATES * 256)];
	digit = t->group.width == 1 && !t->group.coroutine && c >= '0' && c <= '9';
	out = t->group.bytes;
	if (!(digit && t->name_pad) && out < GROUP_TEXT) {
		t->group.text[masked(out, GROUP_TEXT)] = digit ? '*' : c;
		t->group.bytes = out + 1;
	}
	t->name_pad = digit;
	return 0;
}

/*
 * Stores in `group` and `matched` to which group a task belongs, and whether --match is in its
 * name.
 */
__noinline int read_group(__u32 tid, __u64 name, __u64 coroutine)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	const __u8 *text;
	__u32 bytes;

	if (!t)
		return 0;
	__builtin_memset(&t->group, 0, sizeof(t->group));
	t->matched = 0;
	t->name_pad = 0;
	text = (const __u8 *)t->words;
	bytes = copy_name(t, name);
	/* Since 3.12 the name is stored as a number until the program asks for it. */
	if (!bytes || (t->group.width == 1 && is_default_name(text, bytes))) {
		t->group.coroutine = 1;
		bytes = copy_name(t, read_u64(coroutine + config.layout.gen_qualname));
	}
	for (__u32 i = 0; i < NAME_BYTES; i++) {
		if (i >= bytes)
			break;
		name_character(tid, i);
	}
	t->matched = config.match_length && t->matched == config.match_length;
	return 1;
}

/* The program can set a task's name at any time: the name is then another object. */
static __always_inline void refresh_name(struct step_thread *t, __u32 tid, struct step_task *w,
					 __u64 coroutine)
{
	__u64 name = read_u64(w->task + config.layout.task_name);

	if (name == w->name)
		return;
	read_group(tid, name, coroutine);
	w->name = name;
	w->group = t->group;
	w->matched = t->matched;
}

#endif
