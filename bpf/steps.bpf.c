// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * `awaits --exact`: every step of every task of one process, by uprobes on the functions with which
 * asyncio resumes a coroutine. An await lasts from the return of one step, which yielded something,
 * to the entry of the next. Loaded on its own, see user/probe/step_probe.
 *
 * LOCKING: with the GIL only one thread at a time is inside these functions, so their writes need
 * no atomic operations. Interpreters with their own GIL share the maps: there a count may be lost.
 */
#include "lib/step_chain.bpf.h"
#include "lib/step_counts.bpf.h"
#include "lib/step_name.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define STACK_WORDS 64

/* Whether the object at `address` is an _asyncio.Task that runs this coroutine. */
static __always_inline int is_task(__u64 address, __u64 coroutine)
{
	if (address & 7 || address < 4096 || address >> USER_ADDRESS_BITS)
		return 0;
	if (read_u64(address + config.layout.task_coro) != coroutine)
		return 0;
	return read_u64(type_of(address) + config.type_basicsize) >= config.layout.task_size;
}

/*
 * Finds the task whose step this is. Its address is in a callee-saved register or in a word that
 * the callers have pushed, because they use it after the call. A word is only accepted if it is a
 * task of exactly this coroutine. If none is found, the coroutine is not the root coroutine of a
 * task.
 */
__noinline int find_task(__u32 tid, __u64 coroutine)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t)
		return 0;
	for (int i = 0; i < STACK_WORDS; i++) {
		__u64 word = t->words[i];

		if (is_task(word, coroutine)) {
			t->object = word;
			return 1;
		}
	}
	return 0;
}

static __always_inline __u64 task_of(struct step_thread *t, __u32 tid, struct saved_regs *regs,
				     __u64 coroutine)
{
	kept_registers(t->words, regs);
	if (bpf_probe_read_user(&t->words[KEPT_REGISTERS], (STACK_WORDS - KEPT_REGISTERS) * 8,
				(void *)STACK_POINTER(regs)))
		return 0;
	return find_task(tid, coroutine) ? t->object : 0;
}

static __always_inline void count_entry(struct step_thread *t, struct saved_regs *regs)
{
	t->entries++;
	for (int i = 0; i < STEPPED_MAX; i++)
		if (config.stepped_at[i] && config.stepped_at[i] == INSTRUCTION_POINTER(regs))
			t->stepped++;
}

static __always_inline void on_entry(struct saved_regs *regs)
{
	__u64 begin = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	__u64 coroutine = FIRST_ARGUMENT(regs);
	__u32 tid = (__u32)id, depth;
	struct step_thread *t;
	struct step_task *w;

	if (id >> 32 != config.pid)
		return;
	t = thread_of(tid);
	if (!t)
		return;
	count_entry(t, regs);
	/*
	 * Steps are followed before the counting begins: then the running step is known to belong
	 * to a task.
	 */
	if (begin >= window_end)
		return;
	if (type_of(coroutine) != config.coro_type)
		return;
	/* Steps that an exception or a switch of stacks has left behind are over. */
	depth = t->depth;
	for (int i = 0; i < STEP_LEVELS; i++) {
		if (!depth || t->levels[masked(depth - 1, STEP_LEVELS)].sp > STACK_POINTER(regs))
			break;
		depth--;
	}
	t->depth = depth;
	if (depth && config.nested_sends)
		goto out;
	w = bpf_map_lookup_elem(&tasks, &coroutine);
	if (w && read_u64(w->task + config.layout.task_coro) != coroutine) {
		bpf_map_delete_elem(&tasks, &coroutine);
		w = NULL;
	}
	if (!w) {
		struct step_task fresh = {};

		fresh.task = task_of(t, tid, regs, coroutine);
		if (!fresh.task) {
			if (begin >= window_begin)
				lose(STEP_LOSS_TASK_UNKNOWN);
			goto out;
		}
		if (bpf_map_update_elem(&tasks, &coroutine, &fresh, BPF_ANY)) {
			lose(STEP_LOSS_TASKS_FULL);
			goto out;
		}
		w = bpf_map_lookup_elem(&tasks, &coroutine);
		if (!w)
			goto out;
	}
	refresh_name(t, tid, w, coroutine);
	if (w->since_ns >= window_begin && begin > w->since_ns)
		count_await(w, begin - w->since_ns);
	if (begin >= window_begin && (!w->since_ns || w->since_ns >= window_begin))
		count_delay(w, begin);
	w->since_ns = 0;
	if (depth < STEP_LEVELS) {
		struct step_level *level = &t->levels[masked(depth, STEP_LEVELS)];

		level->sp = STACK_POINTER(regs);
		level->coroutine = coroutine;
		level->result = THIRD_ARGUMENT(regs);
		t->depth = depth + 1;
	}
out:
	t->run_ns += bpf_ktime_get_ns() - begin;
}

/*
 * `by_object`: the function returns the yielded object itself, and nothing at the coroutine's end.
 */
static __always_inline void on_return(struct saved_regs *regs, int by_object)
{
	__u64 now = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	__u64 coroutine, result, sp = ENTRY_STACK_POINTER(regs);
	__u32 tid = (__u32)id, depth;
	struct step_thread *t;
	struct step_task *w;

	if (id >> 32 != config.pid)
		return;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (!t)
		return;
	t->returns++;
	if (now >= window_end)
		return;
	depth = t->depth;
	for (int i = 0; i < STEP_LEVELS; i++) {
		if (!depth || t->levels[masked(depth - 1, STEP_LEVELS)].sp >= sp)
			break;
		depth--;
	}
	if (!depth || t->levels[masked(depth - 1, STEP_LEVELS)].sp != sp)
		return; /* return of an awaited coroutine */
	depth--;
	t->depth = depth;
	coroutine = t->levels[masked(depth, STEP_LEVELS)].coroutine;
	result = t->levels[masked(depth, STEP_LEVELS)].result;
	w = bpf_map_lookup_elem(&tasks, &coroutine);
	if (!w)
		goto out;
	if (by_object ? !RESULT(regs) : (__s32)RESULT(regs) != 1) { /* PYGEN_NEXT */
		mark_ready(w->task, now); /* for the tasks that await it */
		bpf_map_delete_elem(&tasks, &coroutine);
		goto out;
	}
	w->since_ns = now;
	w->future = by_object ? RESULT(regs) : read_u64(result);
	find_chain(t, tid, w, coroutine, now);
out:
	t->run_ns += bpf_ktime_get_ns() - now;
}

/* Called when a future is set or a task is created: the first argument is the object. */
SEC("uprobe")
int handle_ready(struct saved_regs *regs)
{
	__u64 begin = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	struct step_thread *t;

	if (id >> 32 != config.pid)
		return 0;
	t = thread_of((__u32)id);
	if (!t)
		return 0;
	count_entry(t, regs);
	if (begin < window_end)
		mark_ready(FIRST_ARGUMENT(regs), begin);
	t->run_ns += bpf_ktime_get_ns() - begin;
	return 0;
}

SEC("uprobe")
int handle_send(struct saved_regs *regs)
{
	on_entry(regs);
	return 0;
}

SEC("uprobe")
int handle_send_return(struct saved_regs *regs)
{
	on_return(regs, config.send_gives_object);
	return 0;
}

SEC("uprobe")
int handle_throw_return(struct saved_regs *regs)
{
	on_return(regs, 1);
	return 0;
}
