// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * The large records of loop threads. These are separate functions because the records are on the
 * stack: a program has 512 bytes of stack for itself and all functions that it calls
 * (check_max_stack_depth() of the verifier; 6.13 has relaxed it for some kinds of programs).
 */
#include "lib/iteration.bpf.h"
#include "lib/native.bpf.h"
#include "lib/offcpu.bpf.h"

__noinline int send_loop(__u32 tid, __u64 now)
{
	struct loop_thread *t = find_thread(tid);
	struct loop_record r = {};

	if (!t)
		return 0;
	fill_head(&r.head, RECORD_LOOP, sizeof(r), t->pid, t->tid, now);
	r.epfd = t->epfd;
	r.kind = t->kind;
	bpf_get_current_comm(r.comm, sizeof(r.comm));
	emit(&r, sizeof(r), NOW);
	return 0;
}

__noinline int send_iteration(__u32 tid, __u64 now, __u32 flags)
{
	struct loop_thread *t = find_thread(tid);
	struct iteration_record r = {};

	if (!t)
		return 0;
	fill_head(&r.head, RECORD_ITERATION, sizeof(r), t->pid, t->tid, now);
	r.iteration = t->iteration;
	r.start_ns = t->return_ns;
	r.duration_ns = now - t->return_ns;
#pragma unroll
	for (int i = 0; i < CAUSE_MAX; i++) {
		r.cause_ns[i] = t->causes[i].ns;
		r.cause_count[i] = t->causes[i].count;
	}
	r.runnable_ns = t->causes[CAUSE_CPU_WAIT].ns;
	r.epfd = t->epfd;
	r.samples = t->samples;
	r.flags = flags | (t->open_start ? ITERATION_OPEN_START : 0);
	r.losses = t->losses;
	r.ready = t->ready;
	r.timers = t->timers;
	r.timers_late_ns = t->timers_late_ns;
	emit(&r, sizeof(r), NOW);
	return 0;
}

/* Reports a long wait, together with the short waits of the same cause since the last report. */
__noinline int send_blocked(__u32 tid, __u32 cause, __u64 now, __u32 with_target)
{
	struct loop_thread *t = find_thread(tid);
	struct blocked_record r = {};
	struct cause_time *time;
	const struct wait *w;
	int has_target;

	if (!t || cause >= CAUSE_MAX)
		return 0;
	time = time_of_cause(t, cause);
	w = &t->wait;
	has_target = w->target == TARGET_SENT;
	if (with_target && w->target == TARGET_FILE)
		has_target = send_file(t->tid);
	else if (with_target && w->target == TARGET_CHILD)
		has_target = send_child(t->tid);
	fill_head(&r.head, RECORD_BLOCKED, sizeof(r), t->pid, t->tid, now);
	r.iteration = t->iteration;
	r.start_ns = t->off_ns;
	r.blocked_ns = time->pending_ns;
	r.runnable_ns = time->pending_runnable_ns;
	r.stack_id = w->stack_id;
	__builtin_memcpy(r.args, w->args, sizeof(r.args));
	r.cause = cause;
	r.syscall = w->syscall;
	r.count = time->pending_count;
	r.fd = w->fd;
	r.holder_tstate = w->holder_tstate;
	r.holder_stack = w->holder_stack;
	r.holder_tid = w->holder_tid;
	r.flags = (t->has_task ? BLOCKED_HAS_TASK : 0) | (has_target ? BLOCKED_HAS_TARGET : 0) |
		  (t->throttled ? BLOCKED_THROTTLED : 0) | (w->holds_gil ? BLOCKED_HOLDS_GIL : 0);
	if (session.native_ns && r.blocked_ns + r.runnable_ns >= session.native_ns &&
	    send_native(tid, t->off_ns))
		r.flags |= BLOCKED_HAS_NATIVE;
	/* At a switch-in the current task is still the task that leaves. */
	if (with_target) {
		if (t->ready_cpu &&
		    send_runs(tid, t->wake_ns > t->off_ns ? t->wake_ns : t->off_ns, now))
			r.flags |= BLOCKED_HAS_RUNS;
		r.runner_pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(r.runner_comm, sizeof(r.runner_comm));
	}
	/*
	 * User space has to look up the holder of the GIL while that thread exists: once per
	 * iteration is enough.
	 */
	if (emit(&r, sizeof(r), cause == CAUSE_GIL && time->count == 1 ? NOW : LATER))
		t->losses++;
	time->pending_ns = 0;
	time->pending_runnable_ns = 0;
	time->pending_count = 0;
	return 0;
}
