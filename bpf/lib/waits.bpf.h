/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_WAITS_BPF_H
#define AIOTRACE_LIB_WAITS_BPF_H

/* What bpf/sched.bpf.c offers, at a switch-out of the thread: each works on loop_thread.wait. */
#include "lib/maps.bpf.h"

/* Takes the system call of the thread that leaves; 0: it cannot be read. */
int begin_wait(__u32 tid);
/* The enum cause of the wait that begin_wait began, and whom it is for. `state`: the task's. */
int cause_of_wait(__u32 tid, __u32 state);

/* With OFF_BLOCKED, in or out, also tells the waker, who does not look at `off`. */
static __always_inline void set_off(struct loop_thread *t, __u8 off)
{
	if (t->off == OFF_BLOCKED || off == OFF_BLOCKED)
		t->awaits_wakeup = off == OFF_BLOCKED;
	t->off = off;
}

#endif
