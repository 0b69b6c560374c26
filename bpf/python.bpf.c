// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Reads Python stacks, code objects and tasks of a running process. Global functions are verified
 * once each, not once for each caller. Otherwise the loops here would multiply the verifier's work
 * when aiotrace starts.
 */
#include "lib/compat.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/tstate.bpf.h"
#include "lib/walk.bpf.h"

#define CHUNK_FRAMES 32
#define MAX_CHUNKS 10 /* MAX_FRAMES and some frames that are skipped */

/* See lib/python_calls.bpf.h. */
__noinline int copy_text(__u32 slot, __u32 pid, __u64 object, __u32 at)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 length = 0, bytes, to = at, data;
	__u32 state = 0, width;

	if (!s)
		return 0;
	__builtin_memset(&s->text, 0, sizeof(s->text));
	if (!IS_AT_MOST(to, TEXT_MAX) || !p || !object ||
	    bpf_probe_read_user(&length, sizeof(length),
				(void *)(object + p->layout.unicode_length)) ||
	    bpf_probe_read_user(&state, sizeof(state), (void *)(object + p->layout.unicode_state)))
		return 0;
	width = UNICODE_KIND(state);
	if (!(state & UNICODE_COMPACT) || (width != 1 && width != 2 && width != 4))
		return 0;
	data = object + (state & UNICODE_ASCII ? p->layout.unicode_ascii_data :
						 p->layout.unicode_compact_data);
	s->text.length = length > 0xffffffff ? 0xffffffff : length;
	if (length * width > TEXT_MAX || length > TEXT_MAX) {
		bytes = TEXT_MAX;
		s->text.flags = TEXT_CUT;
	} else {
		bytes = length * width;
	}
	if (!IS_AT_MOST(bytes, TEXT_MAX))
		return 0;
	if (bytes && bpf_probe_read_user(s->texts + to, bytes, (void *)data))
		return 0;
	s->text.width = width;
	s->text.bytes = bytes;
	return bytes;
}

/* Sends the code object in scratch to user space and decides its class. */
__noinline int send_code(__u32 slot, __u32 pid, __u32 tid)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	const struct py_layout *l;
	__u32 name_bytes, file_bytes, class, readable, whole;
	__u64 at, size = 0;

	if (!p || !s)
		return 0;
	l = &p->layout;
	name_bytes = copy_text(slot, pid, code_name(s, l), 0);
	s->code.name = s->text;
	if (name_bytes > TEXT_MAX)
		return 0;
	file_bytes = copy_text(slot, pid, code_u64(s, l->code_filename), name_bytes);
	s->code.filename = s->text;
	if (file_bytes > TEXT_MAX)
		return 0;
	s->code.code_id = s->code_id;
	s->code.address = s->code_address;
	s->code.linetable = code_u64(s, l->code_linetable);
	s->code.firstlineno = field_u32(s->code_bytes, l->code_firstlineno - CODE_READ_FROM);
	s->code.flags = field_u32(s->code_bytes, l->code_flags - CODE_READ_FROM);
	s->code.name_address = code_name(s, l);
	s->code.filename_address = code_u64(s, l->code_filename);
	s->code.linetable_bytes = 0;
	bpf_probe_read_user(&size, sizeof(size), (void *)(s->code.linetable + l->bytes_size));
	s->code.linetable_size = size > 0xffffffff ? 0xffffffff : size;
	at = name_bytes + file_bytes;
	if (!IS_AT_MOST(at, 2 * TEXT_MAX))
		return 0;
	/*
	 * clang folds `size && size <= MAX` into `size - 1 < MAX`, from which kernels before 6.13
	 * do not learn the bounds of size itself.
	 */
	if (size > LINETABLE_MAX)
		size = 0;
	barrier_var(size);
	if (size &&
	    !bpf_probe_read_user(s->texts + at, size, (void *)(s->code.linetable + l->bytes_data)))
		s->code.linetable_bytes = size;

	class = classify_code(s, &s->code.name, &s->code.filename);
	s->code_class = class;
	at += s->code.linetable_bytes;
	size = at;
	if (!IS_AT_MOST(size, TEXTS_SIZE))
		return 0;
	size += sizeof(s->code);
	fill_head(&s->code.head, RECORD_CODE, size, pid, tid, bpf_ktime_get_ns());
	/* User space has to read the missing parts from the process while it exists. */
	readable = s->code.name.width && s->code.filename.width;
	whole = readable && s->code.linetable_bytes &&
		!(s->code.name.flags | s->code.filename.flags);
	if (emit(&s->code, size, whole ? LATER : NOW))
		return 0;
	if (!readable)
		return 0; /* not classified: tried again when it is seen again */
	if (bpf_map_update_elem(&codes, &s->code_id, &class, BPF_ANY))
		count_loss(LOSS_SEEN_FULL);
	return 0;
}

/*
 * Processes one frame; 0: it was the last one. It is a function of its own, with its layout in
 * scratch, so that a loop around it costs the verifier and the processor almost nothing.
 */
__noinline int walk_step(__u32 slot, __u32 pid, __u32 tid)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 coroutine;
	__u32 *class;
	enum step step;

	if (!s)
		return 0;
	step = read_frame(s, &s->layout, &coroutine);
	if (step == STEP_END)
		return 0;
	if (step == STEP_NEXT) {
		mark_entry(s);
		return 1;
	}
	if (s->count >= MAX_FRAMES) {
		s->flags |= STACK_TOO_DEEP;
		return 0;
	}
	s->code_id = code_identity(s, &s->layout, s->code_address, pid, s->generation);
	class = bpf_map_lookup_elem(&codes, &s->code_id);
	if (class)
		s->code_class = *class;
	else
		send_code(slot, pid, tid);
	add_frame(s, &s->layout, coroutine);
	return 1;
}

/* Up to CHUNK_FRAMES steps; 1: there are more frames. */
__noinline int walk_chunk(__u32 slot, __u32 pid, __u32 tid)
{
	for (int i = 0; i < CHUNK_FRAMES; i++) {
		if (!walk_step(slot, pid, tid))
			return 0;
	}
	return 1;
}

/*
 * Walks the whole stack from `frame` into scratch and sends it if it is new. Returns the number of
 * frames.
 */
static __always_inline int walk_from(struct scratch *s, const struct process_config *p, __u32 slot,
				     __u32 pid, __u32 tid, __u64 frame, int send)
{
	__u32 sent = 1;
	__u64 size;

	s->layout = p->layout;
	s->generation = p->generation;
	s->next_frame = frame;
	s->hash = pid;
	s->root_coroutine = s->root_code = s->handle = 0;
	s->greenlet = s->spill_bytes = 0;
	s->count = s->flags = s->verdict = s->root_final = s->greenlets = s->coroutine_count = 0;
	for (int i = 0; i < MAX_CHUNKS; i++) {
		if (!walk_chunk(slot, pid, tid) && !enter_parent(slot, pid))
			break;
		if (i == MAX_CHUNKS - 1)
			s->flags |= STACK_TOO_DEEP;
	}
	if (s->flags & STACK_UNREADABLE)
		count_loss(LOSS_STACK_UNREADABLE);
	if (s->flags & STACK_TOO_DEEP)
		count_loss(LOSS_STACK_TOO_DEEP);
	if (!s->count)
		return 0;
	s->hash = mix(s->hash, s->flags) | 1;
	if (!send || bpf_map_lookup_elem(&stacks, &s->hash))
		return s->count;

	size = sizeof(s->stack) + s->count * sizeof(struct frame);
	if (!IS_AT_MOST(size, sizeof(s->stack) + sizeof(s->frames)))
		return 0;
	s->stack.stack_id = s->hash;
	s->stack.count = s->count;
	s->stack.flags = s->flags;
	fill_head(&s->stack.head, RECORD_STACK, size, pid, tid, bpf_ktime_get_ns());
	if (emit(&s->stack, size, LATER))
		return s->count;
	if (bpf_map_update_elem(&stacks, &s->hash, &sent, BPF_ANY))
		count_loss(LOSS_SEEN_FULL);
	return s->count;
}

__noinline int walk_thread(__u32 slot, __u32 pid, __u32 tid, __u64 tstate, __u64 thread_pointer)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 frame;

	if (!s)
		return 0;
	s->owner = tid;
	s->count = s->verdict = 0;
	s->hash = s->root_coroutine = s->root_code = 0;
	if (!p || !(p->flags & PROCESS_PYTHON))
		return WALK_NO_PYTHON;
	s->thread_pointer = thread_pointer;
	frame = first_frame(tstate, thread_pointer, &p->layout);
	if (!frame)
		return 0;
	return walk_from(s, p, slot, pid, tid, frame, slot != SCRATCH_POLL);
}

/* Walks the stack of another thread of the process in its present state: the holder of the GIL. */
__noinline int walk_other(__u32 slot, __u32 pid, __u32 tid, __u64 tstate)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 frame;

	if (!s || !p)
		return 0;
	s->count = 0;
	s->thread_pointer = 0;
	frame = read_u64(tstate + p->layout.ts_frame);
	if (frame && p->layout.flags & PY_HAS_CFRAME)
		frame = read_u64(frame + p->layout.cframe_current);
	if (!frame)
		return 0;
	return walk_from(s, p, slot, pid, tid, frame, 1);
}
