// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * `aiotrace profile`: where all threads of the traced processes spend their time. Time on the CPU
 * is sampled by a clock on each CPU, which also sees new threads. Time off the CPU is exact, from
 * the scheduler's switches.
 *
 * CONTEXT: a timer interrupt and the scheduler, both with interrupts off.
 */
#include "lib/compat.bpf.h"
#include "lib/gc.bpf.h"
#include "lib/new_thread.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/profile.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/sampled.bpf.h"
#include "lib/waits.bpf.h"

static __always_inline int is_profiled(__u32 pid)
{
	return traced_tgid[PID_SLOT(pid)] && bpf_map_lookup_elem(&processes, &pid);
}

#define PF_EXITING 0x4 /* include/linux/sched.h */

/*
 * Creates the entries of a thread. It is a function because of its stack use: all callers share 512
 * bytes.
 */
__noinline int meet_thread(__u32 pid, __u32 tid, __u64 on_ns, __u64 now)
{
	struct profile_thread fresh = {.on_ns = on_ns, .first_ns = now};

	if (profile.waits && bpf_map_update_elem(&profile_threads, &tid, &fresh, BPF_ANY)) {
		count_loss(LOSS_THREADS_FULL);
		return 0;
	}
	return new_thread(pid, tid) != NULL;
}

/*
 * The entry of a thread, created when the thread is first seen; NULL: none, or the thread has
 * ended. No entry is created for a thread that is about to end, because no event would inform user
 * space when to remove the entry.
 */
static __always_inline struct loop_thread *profiled_thread(struct task_struct *task, __u32 pid,
							   __u32 tid, __u64 on_ns, __u64 now)
{
	struct loop_thread *t = find_thread(tid);

	if (t && t->pid == pid)
		return t->exited ? NULL : t;
	if (BPF_CORE_READ(task, flags) & PF_EXITING || !meet_thread(pid, tid, on_ns, now))
		return NULL;
	return find_thread(tid);
}

/*
 * Walks the Python stack of the current thread into scratch. Returns the number of frames, 0: none.
 */
static __always_inline int walk_current(__u32 slot, __u32 pid, __u32 tid, __u64 now)
{
	struct loop_thread *t = find_thread(tid);
	__u64 thread_pointer = thread_pointer_of(current_task());
	int frames;

	if (!t)
		return 0;
	frames = walk_thread(slot, pid, tid, t->tstate, thread_pointer);
	if (frames < 0)
		return 0;
	if (frames || now < t->tstate_retry_ns)
		return frames;
	t->tstate = find_tstate(slot, pid, thread_pointer);
	t->tstate_retry_ns = now + TSTATE_RETRY_NS;
	frames = walk_thread(slot, pid, tid, t->tstate, thread_pointer);
	return frames < 0 ? 0 : frames;
}

/*
 * Sends the task that runs, after walk_current. It is sent each time, because without the polls
 * nothing shows whether the same address now belongs to another task.
 */
static __always_inline int profiled_task(struct loop_thread *t, __u32 slot, __u32 pid, __u32 tid)
{
	if (!profile.tasks)
		return 0;
	t->task = t->coroutine = 0;
	return send_running_task(slot, pid, tid);
}

__noinline int holds_gil(__u32 pid, __u32 tid)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct loop_thread *t = find_thread(tid);

	if (!p || !t || !(p->flags & PROCESS_PYTHON) || !t->tstate)
		return 0;
	return has_gil(p, t->tstate);
}

/* The thread is on a CPU again: accounts for its time off the CPU. */
static __always_inline void end_interval(struct loop_thread *t, struct profile_thread *times,
					 __u64 now, __u32 with_target)
{
	__u64 woken = t->wake_ns > t->off_ns && t->wake_ns <= now ? t->wake_ns : now;
	__u64 blocked = woken - t->off_ns, runnable = now - woken;
	__u32 cause = t->wait.cause;
	struct cause_time *time;
	__u8 off = t->off;

	set_off(t, OFF_NOT);
	if (off != OFF_NOT || !times->on_ns)
		times->on_ns = now;
	if (off == OFF_IN_POLL)
		times->idle_ns += now - t->off_ns;
	if ((off != OFF_BLOCKED && off != OFF_RUNNABLE) || cause >= CAUSE_MAX)
		return;
	time = time_of_cause(t, cause);
	add_off_cpu(t, time, blocked, runnable);
	if (blocked + runnable < profile.min_ns)
		return;
	if (profile.gil && cause != CAUSE_GIL && !t->wait.holds_gil)
		return;
	time->pending_ns = blocked;
	time->pending_runnable_ns = runnable;
	time->pending_count = 1;
	send_blocked(t->tid, cause, now, with_target);
}

/* See come_back_unseen(): such an interval is too long by the time that was not seen. */
__noinline int profile_return_unseen(__u32 tid, __u64 now)
{
	struct profile_thread *times = bpf_map_lookup_elem(&profile_threads, &tid);
	struct loop_thread *t = find_thread(tid);

	if (!t || !times)
		return 0;
	count_loss(LOSS_SWITCH_UNSEEN);
	end_interval(t, times, now, 0);
	return 0;
}

SEC("perf_event")
int profile_sample(struct sample_context *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), now, sp = 0, size = sizeof(struct sample_record);
	__u32 pid = id >> 32, tid = (__u32)id, slot = SCRATCH_SAMPLE;
	struct process_config *p;
	struct sample_record *r;
	struct loop_thread *t;
	struct scratch *s;
	struct call user;

	if (!traced_tgid[PID_SLOT(pid)])
		return 0;
	now = bpf_ktime_get_ns();
	p = bpf_map_lookup_elem(&processes, &pid);
	s = bpf_map_lookup_elem(&scratch, &slot);
	t = p ? profiled_thread(current_task(), pid, tid, now, now) : NULL;
	if (!s || !t)
		return 0;
	if (t->off != OFF_NOT)
		profile_return_unseen(tid, now);
	r = &s->sample;
	__builtin_memset(r, 0, sizeof(*r));
	r->syscall = -1;
	if (IS_USER_MODE(&ctx->regs)) {
		r->ip = INSTRUCTION_POINTER(&ctx->regs);
		sp = STACK_POINTER(&ctx->regs);
	} else {
		r->flags |= SAMPLE_KERNEL;
		if (!read_call(&user, current_task())) {
			r->ip = user.ip;
			r->syscall = call_number(&user);
		}
	}
	if (walk_current(slot, pid, tid, now) > 0) {
		r->stack_id = s->hash;
		if (collects(t, p, s))
			r->flags |= SAMPLE_GC;
		if (profiled_task(t, slot, pid, tid))
			r->flags |= SAMPLE_HAS_TASK;
		if (profile.gil && holds_gil(pid, tid))
			r->flags |= SAMPLE_HOLDS_GIL;
	}
	/* The leaf is outside the interpreter: user space searches its caller. */
	if (sp && (r->ip < p->text_start || r->ip >= p->text_end) &&
	    !bpf_probe_read_user(s->words, sizeof(s->words), (void *)sp)) {
		r->words = SAMPLE_WORDS;
		size += sizeof(s->words);
	}
	fill_head(&r->head, RECORD_SAMPLE, size, pid, tid, now);
	r->iteration = t->iteration;
	emit(r, size, LATER);
	return 0;
}

/*
 * asyncio's loop waits for events in its own frames; others (uvloop) wait with no callback on the
 * stack.
 */
static __always_inline int waits_idle(const struct scratch *s, int frames, __s32 syscall)
{
	if (!frames)
		return is_epoll(syscall);
	if (s->verdict == VERDICT_LOOP)
		return is_epoll(syscall) || is_select(syscall);
	return is_epoll(syscall) && s->verdict != VERDICT_NESTED;
}

/* The thread leaves the CPU: collects everything that only this thread can report. */
__noinline int profile_leave(__u32 pid, __u32 tid, __u32 runnable, __u32 state)
{
	struct task_struct *task = current_task(); /* still the task that leaves the CPU */
	__u64 now = bpf_ktime_get_ns();
	struct loop_thread *t = profiled_thread(task, pid, tid, now, now);
	struct profile_thread *times = bpf_map_lookup_elem(&profile_threads, &tid);
	__u32 slot = SCRATCH_SWITCH;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	int frames;

	if (!t || !s || !times)
		return 0;
	if (t->off != OFF_NOT)
		profile_return_unseen(tid, now);
	if (times->on_ns)
		times->cpu_ns += now - times->on_ns;
	times->on_ns = 0;
	if (!begin_wait(tid))
		return 0;
	t->off_ns = now;
	t->wake_ns = 0;
	t->throttled = 0;
	t->iteration++; /* the target reported next is this interval's */
	set_off(t, runnable ? OFF_RUNNABLE : OFF_BLOCKED);
	frames = walk_current(slot, pid, tid, now);
	if (waits_idle(s, frames, t->wait.syscall)) {
		set_off(t, OFF_IN_POLL);
		return 0;
	}
	if (frames > 0) {
		t->wait.stack_id = s->hash;
		t->has_task = profiled_task(t, slot, pid, tid);
		if (profile.gil)
			t->wait.holds_gil = holds_gil(pid, tid);
	}
	if (!runnable)
		t->wait.cause = cause_of_wait(tid, state);
	else
		t->wait.cause = task_throttled(task) ? CAUSE_THROTTLED : CAUSE_CPU_WAIT;
	return 0;
}

__noinline int profile_return(__u32 pid, __u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct profile_thread *times = bpf_map_lookup_elem(&profile_threads, &tid);

	if (t && times && t->pid == pid && !t->exited)
		end_interval(t, times, bpf_ktime_get_ns(), 1);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(profile_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 now;

	if (is_profiled(prev->tgid)) {
		__u32 state = task_state(prev);

		profile_leave(prev->tgid, prev->pid, preempt || !state, state);
	}
	if (is_profiled(next->tgid)) {
		now = bpf_ktime_get_ns();
		profiled_thread(next, next->tgid, next->pid, now, now);
		profile_return(next->tgid, next->pid);
	}
	return 0;
}
