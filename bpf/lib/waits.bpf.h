/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_WAITS_BPF_H
#define AIOTRACE_LIB_WAITS_BPF_H

/* Functions of bpf/sched.bpf.c for a switch-out of the thread. Each works on loop_thread.wait. */
#include "lib/maps.bpf.h"

/* Records the system call of the thread that leaves the CPU; 0: it cannot be read. */
int begin_wait(__u32 tid);
/*
 * The enum cause of the wait that begin_wait started; also records its target. `state`: the task's
 * state.
 */
int cause_of_wait(__u32 tid, __u32 state);

/*
 * Records the process that leaves this CPU, for the traced threads that wait for the CPU. Only
 * while ready_threads is not 0.
 */
int note_run(void);
/*
 * Reports the processes that ran on the CPU where the thread became runnable; 1 if any is known. To
 * be called at the thread's switch-in.
 */
int send_runs(__u32 tid, __u64 since_ns, __u64 now);

/*
 * Relaxed ordering: with other orderings clang 20 and later use the instruction that also returns
 * the old value, which 5.10 refuses (5ca419f2864a, "bpf: Add BPF_FETCH field", 5.12).
 */
static __always_inline void count_ready(__s32 threads)
{
	__atomic_fetch_add(&ready_threads, threads, __ATOMIC_RELAXED);
}

/* The thread is runnable on this CPU, on which another thread runs. */
static __always_inline void become_ready(struct loop_thread *t, __u32 cpu)
{
	t->ready_cpu = cpu + 1;
	count_ready(1);
}

/*
 * When the state becomes or was OFF_BLOCKED, also sets the flag for the waker, which does not read
 * `off`.
 */
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
