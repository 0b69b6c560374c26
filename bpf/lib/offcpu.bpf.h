/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_OFFCPU_BPF_H
#define AIOTRACE_LIB_OFFCPU_BPF_H

/* A loop thread comes back onto the CPU: accounts for its time off the CPU. */
#include "lib/iteration.bpf.h"
#include "lib/targets.bpf.h"
#include "lib/waits.bpf.h"

/*
 * Reports a long wait, together with the short waits of the same cause since the last report:
 * bpf/report.bpf.c.
 */
int send_blocked(__u32 tid, __u32 cause, __u64 now, __u32 with_target);

/* Adds time off the CPU; `time` is the cause of the blocked part. */
static __always_inline void add_off_cpu(struct loop_thread *t, struct cause_time *time,
					__u64 blocked, __u64 runnable)
{
	time->ns += blocked;
	time->count++;
	if (!runnable)
		return;
	time = time_of_cause(t, t->throttled ? CAUSE_THROTTLED : CAUSE_CPU_WAIT);
	time->ns += runnable;
	time->count++;
}

/* A preempted thread was runnable all the time: the cause of its wait is cpu-wait itself. */
static __always_inline void end_wait(struct loop_thread *t, __u64 now, bool with_target)
{
	__u64 woken = t->wake_ns > t->off_ns && t->wake_ns <= now ? t->wake_ns : now;
	__u64 blocked = woken - t->off_ns, runnable = now - woken;
	__u32 cause = t->wait.cause;
	struct cause_time *time;

	if (cause >= CAUSE_MAX)
		return;
	t->away_ns += now - t->off_ns;
	time = time_of_cause(t, cause);
	add_off_cpu(t, time, blocked, runnable);
	time->pending_ns += blocked;
	time->pending_runnable_ns += runnable;
	time->pending_count++;
	if (time->pending_ns + time->pending_runnable_ns >= session.segment_ns)
		send_blocked(t->tid, cause, now, with_target);
}

/*
 * The thread runs again. `with_target`: the target of the wait can be looked up. That is only
 * possible at the thread's switch-in.
 */
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
	set_off(t, OFF_NOT);
}

/*
 * The same for a thread that is seen on a CPU although its switch-in was not seen:
 * bpf/loop_thread.bpf.c.
 */
int come_back_unseen(__u32 tid, __u64 now);
/*
 * To be called after walk_thread: 1 if the thread is no longer inside its loop; then it is in no
 * iteration. bpf/loop_thread.bpf.c.
 */
int has_left_loop(__u32 slot, __u32 tid);

#endif
