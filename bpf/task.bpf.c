// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Which asyncio task runs: from the thread state (3.14+) or asyncio's dict of current tasks. */
#include "lib/python_calls.bpf.h"
#include "lib/walk.bpf.h"

/* From PyObject.ob_type to PyTypeObject.tp_flags: Include/cpython/object.h, the same in 3.8 to 3.15, with the GIL and without. */
#define TYPE_FLAGS_FROM_TYPE 160
#define TPFLAGS_LONG_SUBCLASS (1ull << 24)
#define TPFLAGS_UNICODE_SUBCLASS (1ull << 28)

#define MAX_DICT_ENTRIES 16

struct dict_entry {
	__u64 hash;
	__u64 key;
	__u64 value;
};

/* PyDictKeysObject before 3.11: i64 dk_size at 8, one index byte an entry up to 128 of them. */
#define OLD_KEYS_SIZE 8

/* Whether the coroutine is on the stack that was walked. */
__noinline int runs_coroutine(__u32 slot, __u64 coroutine)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	for (__u32 i = 0; s && i < MAX_COROUTINES; i++) {
		if (i >= s->coroutine_count)
			break;
		if (s->coroutines[i] == coroutine)
			return 1;
	}
	return 0;
}

/*
 * Finds the value in asyncio.tasks._current_tasks ({loop: task}) whose coroutine is the outermost
 * one on the stack. This is right with several loops too. An eager task (3.12+) runs its first part
 * inside another task: then its coroutine is further in.
 */
static __always_inline __u64 task_in_dict(const struct process_config *p, __u32 slot,
					  __u64 root_coroutine)
{
	const struct py_layout *l = &p->layout;
	__u64 keys = read_u64(p->current_tasks + l->dict_keys), entries, count, eager = 0;

	if (!keys)
		return 0;
	entries = keys + l->keys_indices;
	if (l->keys_log2_size == PY_NO_OFFSET) {
		__u64 size = read_u64(keys + OLD_KEYS_SIZE);

		if (size > 128)
			return 0;
		entries += size;
	} else {
		__u8 log2 = 0;

		bpf_probe_read_user(&log2, 1, (void *)(keys + l->keys_log2_index_bytes));
		entries += 1ull << (log2 & 15);
	}
	count = read_u64(keys + l->keys_nentries);
	for (int i = 0; i < MAX_DICT_ENTRIES; i++) {
		__u64 task, coroutine;

		if (i >= count)
			break;
		task = read_u64(entries + i * sizeof(struct dict_entry) + 16);
		if (!task)
			continue;
		coroutine = read_u64(task + l->task_coro);
		if (coroutine == root_coroutine)
			return task;
		if (coroutine && runs_coroutine(slot, coroutine))
			eager = task;
	}
	return eager;
}

/* The stack was cut, an eager task runs, or the task runs something that is not a coroutine. */
static __always_inline void take_root_of(struct scratch *s, const struct py_layout *l, __u64 task)
{
	__u64 coroutine = task ? read_u64(task + l->task_coro) : 0;

	if (!coroutine || coroutine == s->root_coroutine)
		return;
	s->root_coroutine = coroutine;
	s->root_code = 0;
}

#define LONG_TAG_FROM_TYPE \
	8 /* 3.12+: PyLongObject.long_value.lv_tag, behind ob_type; digits << 3 | sign */

/*
 * A task's name into scratch->text: a str, or since 3.12 the number in "Task-<number>" until the
 * program asks for it.
 */
__noinline int copy_task_name(__u32 slot, __u32 pid, __u64 object)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 type, flags, number;
	__u32 digits[2] = {}, size;

	if (!p || !s)
		return 0;
	__builtin_memset(&s->text, 0, sizeof(s->text));
	type = read_u64(object + p->layout.obj_type);
	flags = read_u64(type + p->layout.obj_type + TYPE_FLAGS_FROM_TYPE);
	if (flags & TPFLAGS_UNICODE_SUBCLASS)
		return copy_text(slot, pid, object, 0);
	if (!(flags & TPFLAGS_LONG_SUBCLASS) || p->layout.version < 0x030c0000)
		return 0;
	size = read_u64(object + p->layout.obj_type + LONG_TAG_FROM_TYPE) >> 3;
	if (size > 2)
		return 0;
	bpf_probe_read_user(digits, size == 2 ? 8 : 4, (void *)(object + p->layout.long_digits));
	number = digits[0] | (__u64)digits[1] << 30;
	*(__u64 *)s->texts = number;
	s->text.length = 1;
	s->text.width = 1;
	s->text.bytes = sizeof(number);
	s->text.flags = TEXT_NUMBER;
	return sizeof(number);
}

/* Sends `task` (0: only its coroutine is known) as the task of the records that follow. */
__noinline int send_task(__u32 slot, __u32 pid, __u32 tid, __u64 task, __u64 iteration)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	const struct py_layout *l;
	__u32 name_bytes = 0, cut;
	__u64 bytes;

	if (!p || !s)
		return 0;
	l = &p->layout;
	__builtin_memset(&s->task, 0, sizeof(s->task));
	if (task) {
		name_bytes = copy_task_name(slot, pid, read_u64(task + l->task_name));
		s->task.name = s->text;
		if (!s->task.name.width)
			count_loss(LOSS_TASK_UNREADABLE);
	}
	if (name_bytes > TEXT_MAX)
		return 0;
	bytes = copy_text(slot, pid,
			  s->root_coroutine ? read_u64(s->root_coroutine + l->gen_qualname) : 0,
			  name_bytes);
	s->task.qualname = s->text;
	bytes += name_bytes;
	if (!IS_AT_MOST(bytes, 2 * TEXT_MAX))
		return 0;
	bytes += sizeof(s->task);
	s->task.iteration = iteration;
	s->task.task = task;
	s->task.coroutine = s->root_coroutine;
	s->task.code_id = s->root_code;
	fill_head(&s->task.head, RECORD_TASK, bytes, pid, tid, bpf_ktime_get_ns());
	/* User space has to read the rest of a cut name from the process while it exists. */
	cut = (s->task.name.flags | s->task.qualname.flags) & TEXT_CUT;
	return emit(&s->task, bytes, cut ? NOW : LATER);
}

__noinline int send_running_task(__u32 slot, __u32 pid, __u32 tid)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct loop_thread *thread = find_thread(tid);
	const struct py_layout *l;
	__u64 task = 0;

	if (!p || !s || !thread)
		return 0;
	l = &p->layout;
	if (l->ts_running_task != PY_NO_OFFSET && l->ts_running_task) {
		task = read_u64(thread->tstate + l->ts_running_task);
	} else if (p->current_tasks && s->root_coroutine) {
		task = task_in_dict(p, slot, s->root_coroutine);
	}
	take_root_of(s, l, task);
	if (!task && !s->root_coroutine)
		return 0;
	/* The task of the next iteration can have the same addresses. */
	if (thread->task == task && thread->coroutine == s->root_coroutine &&
	    thread->task_iteration == thread->iteration)
		return 1;
	if (send_task(slot, pid, tid, task, thread->iteration)) {
		thread->losses++;
		return 1;
	}
	thread->task = task;
	thread->coroutine = s->root_coroutine;
	thread->task_iteration = thread->iteration;
	return 1;
}
