/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_COMPAT_BPF_H
#define AIOTRACE_LIB_COMPAT_BPF_H

/* All differences between kernels, each with the commit that introduced it. */
#include "lib/arch.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* 2f064a59a11f ("sched: Change task_struct::state"), 5.14: `state` became `__state`. */
struct task_struct___before_5_14 {
	long state;
};

/* e1fad12dcb66 ("sched/fair: Switch to task based throttle model"), 6.18 */
struct task_struct___since_6_18 {
	bool throttled;
};

/* bcf9033e5449 ("sched: move CPU field back into thread_info if THREAD_INFO_IN_TASK=y"), 5.16 */
struct thread_info___since_5_16 {
	__u32 cpu;
};
struct task_struct___since_5_16 {
	struct thread_info___since_5_16 thread_info;
};
struct task_struct___before_5_16 {
	unsigned int cpu;
};
#pragma clang attribute pop

static __always_inline __u32 task_state(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return BPF_CORE_READ(old, state);
	return BPF_CORE_READ(task, __state);
}

/*
 * Whether the task waits for its control group's CPU quota. Since 6.18 each task is throttled on
 * its own, on its way to user space. Before, all run queues of the group were throttled at once.
 */
static __always_inline bool task_throttled(struct task_struct *task)
{
	struct task_struct___since_6_18 *since = (void *)task;
	struct cfs_rq *cfs_rq = NULL; /* only for its type */

	if (bpf_core_field_exists(since->throttled))
		return BPF_CORE_READ(since, throttled);
	if (!bpf_core_field_exists(cfs_rq->throttle_count))
		return false; /* CONFIG_CFS_BANDWIDTH is not set */
	return BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
}

/* The CPU on which the task runs, or in whose run queue it waits. */
static __always_inline __u32 cpu_of(struct task_struct *task)
{
	struct task_struct___before_5_16 *before = (void *)task;
	struct task_struct___since_5_16 *since = (void *)task;

	if (bpf_core_field_exists(before->cpu))
		return BPF_CORE_READ(before, cpu);
	return BPF_CORE_READ(since, thread_info.cpu);
}

/*
 * A task's user registers, saved at the top of its kernel stack at the entry into the kernel.
 * dd6e10fbd9fb ("bpf: Add bpf_task_pt_regs() helper"), 5.15, returns their address. Kernels without
 * that helper have no FRED padding, so the address follows from the stack's size.
 */
static __always_inline const struct saved_regs *saved_regs_of(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (const struct saved_regs *)bpf_task_pt_regs(task);
	return (const void *)((char *)BPF_CORE_READ(task, stack) + KERNEL_STACK_BYTES -
			      sizeof(struct saved_regs));
}

static __always_inline int read_saved_regs(struct saved_regs *regs, struct task_struct *task)
{
	return bpf_probe_read_kernel(regs, sizeof(*regs), saved_regs_of(task));
}

static __always_inline int read_call(struct call *call, struct task_struct *task)
{
	return bpf_probe_read_kernel(call, sizeof(*call), call_in(saved_regs_of(task)));
}

/*
 * The current task, with its type. 3ca1032ab7ab ("bpf: Implement get_current_task_btf and
 * RET_PTR_TO_BTF_ID"), 5.11. The plain pointer is sufficient where it is only read through
 * bpf_probe_read_kernel; before 5.15 that is everywhere.
 */
static __always_inline struct task_struct *current_task(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* Registers of the current task at its entry into the kernel; 0: they cannot be read. */
static __always_inline __u64 user_stack_pointer(void)
{
	__u64 sp = 0;

	bpf_probe_read_kernel(&sp, sizeof(sp), &STACK_POINTER(saved_regs_of(current_task())));
	return sp;
}

#endif
