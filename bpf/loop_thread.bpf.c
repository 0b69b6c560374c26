// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* What is noticed of a loop thread late, by whichever probe sees the thread next. */
#include "lib/fdtarget.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/python_calls.bpf.h"

/*
 * A loop that was stopped or closed leaves a thread that does not poll any more, for good
 * or until it runs a loop again: what it does meanwhile is no iteration. Seen by the
 * epoll that is no longer the file it was, or by a stack that lacks the loop's frames.
 */
__noinline int has_left_loop(__u32 slot, __u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!t || !s || !t->verified)
		return 0;
	/* Its Python came to be known later than its loop. */
	if (t->kind == LOOP_PLAIN && s->count) {
		t->kind = s->root_final ? LOOP_ASYNCIO : LOOP_PYTHON;
		t->depth = 0;
	}
	if ((__u64)file_of(current_task(), t->epfd) != t->epoll_file) {
		t->verified = 0;
		t->epfd = -1;
	} else if (!s->count || s->flags ||
		   (t->kind == LOOP_ASYNCIO && s->verdict != VERDICT_NONE) ||
		   (t->kind != LOOP_ASYNCIO && s->count >= t->depth)) {
		return 0;
	}
	t->return_ns = 0;
	t->open_start = 0;
	return 1;
}

/*
 * The thread is seen running while its switch-in was not: some kernels have switches that
 * pass sched_switch by (seen on a 6.18 guest kernel, from its host's agent's threads, also
 * missing in ftrace and in the scheduler's own statistics). The next sample, poll or
 * switch-out ends the wait; without this an idle wait would look like a stall.
 */
__noinline int come_back_unseen(__u32 tid, __u64 now)
{
	struct loop_thread *t = find_thread(tid);

	if (!t)
		return 0;
	count_loss(LOSS_SWITCH_UNSEEN);
	come_back(t, now, false);
	return 0;
}
