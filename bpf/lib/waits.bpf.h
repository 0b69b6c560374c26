/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_WAITS_BPF_H
#define AIOTRACE_LIB_WAITS_BPF_H

/* What bpf/sched.bpf.c offers, at a switch-out of the thread: each works on loop_thread.wait. */
#include "lib/maps.bpf.h"

/* Takes the system call of the thread that leaves; 0: it cannot be read. */
int begin_wait(__u32 tid);
/* The enum cause of the wait that begin_wait began, and whom it is for. `state`: the task's. */
int cause_of_wait(__u32 tid, __u32 state);

/* Keeps who leaves its CPU, for the traced threads that wait for that CPU. Only while ready_threads is not 0. */
int note_run(void);
/* Reports who ran on the CPU where the thread became ready; 1 if anything is known. At its switch-in. */
int send_runs(__u32 tid, __u64 since_ns, __u64 now);

/*
 * Relaxed: for another order clang 20 and later use the instruction that also gives the old
 * value, which 5.10 refuses (5ca419f2864a, "bpf: Add BPF_FETCH field", 5.12).
 */
static __always_inline void count_ready(__s32 threads)
{
	__atomic_fetch_add(&ready_threads, threads, __ATOMIC_RELAXED);
}

/* The thread is ready to run on this CPU, which is another's. */
static __always_inline void become_ready(struct loop_thread *t, __u32 cpu)
{
	t->ready_cpu = cpu + 1;
	count_ready(1);
}

/* With OFF_BLOCKED, in or out, also informs the waker, who does not look at `off`. */
static __always_inline void set_off(struct loop_thread *t, __u8 off)
{
	if (t->off == OFF_BLOCKED || off == OFF_BLOCKED)
		t->awaits_wakeup = off == OFF_BLOCKED;
	if (off == OFF_NOT && t->ready_cpu) {
		t->ready_cpu = 0;
		count_ready(-1);
	}
	t->off = off;
}

#endif
