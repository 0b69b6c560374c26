/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_OFFCPU_BPF_H
#define AIOTRACE_LIB_OFFCPU_BPF_H

/* A loop thread's way back onto the CPU: what its time off it was. */
#include "lib/iteration.bpf.h"
#include "lib/targets.bpf.h"

/* Tells of a wait that lasted, with the short ones of its cause since the last one told. */
static __always_inline void emit_blocked(struct loop_thread *t, __u32 cause, __u64 now,
					 bool with_target)
{
	const struct wait *w = &t->wait;
	struct blocked_record r = {};
	int has_target = w->target == TARGET_TOLD;

	if (cause >= CAUSE_MAX)
		return;
	if (with_target && w->target == TARGET_FILE)
		has_target = send_file(t->tid);
	else if (with_target && w->target == TARGET_CHILD)
		has_target = send_child(t->tid);
	fill_head(&r.head, RECORD_BLOCKED, sizeof(r), t->pid, t->tid, now);
	r.iteration = t->iteration;
	r.start_ns = t->off_ns;
	r.blocked_ns = t->pending_ns[cause];
	r.runnable_ns = t->pending_runnable_ns[cause];
	r.stack_id = w->stack_id;
	__builtin_memcpy(r.args, w->args, sizeof(r.args));
	r.cause = cause;
	r.syscall = w->syscall;
	r.count = t->pending_count[cause];
	r.fd = w->fd;
	r.holder_tstate = w->holder_tstate;
	r.holder_stack = w->holder_stack;
	r.holder_tid = w->holder_tid;
	r.flags = (t->has_task ? BLOCKED_HAS_TASK : 0) | (has_target ? BLOCKED_HAS_TARGET : 0) |
		  (t->throttled ? BLOCKED_THROTTLED : 0);
	/* At a switch-in the current task is still the one that leaves. */
	if (with_target) {
		r.runner_pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(r.runner_comm, sizeof(r.runner_comm));
	}
	/* Who holds the GIL has to be looked up while that thread is there: once an iteration is enough. */
	if (emit(&r, sizeof(r), cause == CAUSE_GIL && t->cause_count[CAUSE_GIL] == 1 ? NOW : LATER))
		t->losses++;
	t->pending_ns[cause] = 0;
	t->pending_runnable_ns[cause] = 0;
	t->pending_count[cause] = 0;
}

/* A preempted thread was runnable all the time: its wait has the cause cpu-wait itself. */
static __always_inline void end_wait(struct loop_thread *t, __u64 now, bool with_target)
{
	__u64 woken = t->wake_ns > t->off_ns && t->wake_ns <= now ? t->wake_ns : now;
	__u64 blocked = woken - t->off_ns, runnable = now - woken;
	__u32 cause = t->wait.cause;

	if (cause >= CAUSE_MAX)
		return;
	t->cause_ns[cause] += blocked;
	t->cause_count[cause]++;
	if (runnable) {
		__u32 why = t->throttled ? CAUSE_THROTTLED : CAUSE_CPU_WAIT;

		t->cause_ns[why] += runnable;
		t->cause_count[why]++;
	}
	t->pending_ns[cause] += blocked;
	t->pending_runnable_ns[cause] += runnable;
	t->pending_count[cause]++;
	if (t->pending_ns[cause] + t->pending_runnable_ns[cause] >= session.segment_ns)
		emit_blocked(t, cause, now, with_target);
}

/* The thread runs again. `with_target`: whom it waited for can be looked up, at its switch-in. */
static __always_inline void come_back(struct loop_thread *t, __u64 now, bool with_target)
{
	switch (t->off) {
	case OFF_IN_POLL:
		reset_iteration(t);
		t->open_start = 0;
		t->return_ns = now;
		break;
	case OFF_RUNNABLE:
	case OFF_BLOCKED:
		end_wait(t, now, with_target);
		break;
	}
	t->off = OFF_NOT;
}

/* The same for a thread that is seen running while its switch-in was not: bpf/sched.bpf.c. */
int come_back_unseen(__u32 tid, __u64 now);

#endif
