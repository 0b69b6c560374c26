// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* State changes of a loop thread that are noticed late, by the next probe that sees the thread. */
#include "lib/fdtarget.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/python_calls.bpf.h"

/*
 * A loop that was stopped or closed leaves a thread that does not poll any more, or not until it
 * runs a loop again. Its time until then is not an iteration. This is detected when the epoll
 * descriptor is not the same file any more, or when the stack lacks the loop's frames.
 */
__noinline int has_left_loop(__u32 slot, __u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!t || !s || !t->verified)
		return 0;
	/* The interpreter was recognized after the loop. */
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
 * The thread is seen on a CPU, but its switch-in was not seen: some kernels have switches without a
 * sched_switch event (seen on a 6.18 guest kernel, in threads of its host's agent; ftrace and the
 * scheduler's own statistics lack them too). The next sample, poll or switch-out ends the wait.
 * Without this, an idle wait would look like a stall.
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
