// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Copies of user stacks for --native: see bpf/lib/native.bpf.h. These are separate functions, so
 * that the verifier checks them once.
 *
 * CONTEXT: the switch-out (interrupts off) and the interrupt of the cpu-clock event, both of the
 * thread itself; a sample never interrupts the switch-out. At the thread's switch-in its buffer is
 * sent; the current task is then still the previous one.
 */
#include "lib/bounds.bpf.h"
#include "lib/compat.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/native.bpf.h"

#define PAGE_BYTES 4096

/*
 * The end of the stack, if it is known and near. For the first thread: where the kernel began it.
 * For other threads: where the C library (glibc and musl) has put the block that the thread pointer
 * points to.
 */
static __always_inline __u64 stack_bytes(struct task_struct *task, __u64 from)
{
	__u64 first = BPF_CORE_READ(task, mm, start_stack) - from;
	__u64 other = thread_pointer_of(task) - from;
	__u64 bytes = NATIVE_STACK_MAX;

	if (first < bytes)
		bytes = first;
	if (other < bytes)
		bytes = other;
	return bytes;
}

/*
 * Bytes from the stack pointer up to the end of the stack, the end of its memory or
 * NATIVE_STACK_MAX.
 */
static __always_inline __u32 copy_stack(struct native_copy *copy, struct task_struct *task)
{
	__u64 from = copy->record.registers[NATIVE_SP];
	__u64 left = stack_bytes(task, from);
	__u32 copied = 0;

	for (int i = 0; i < NATIVE_STACK_MAX / PAGE_BYTES; i++) {
		void *to = copy->stack + i * PAGE_BYTES;
		__u64 of_page = PAGE_BYTES - masked(from, PAGE_BYTES);
		__u64 bytes = left;

		if (!IS_AT_MOST(bytes, PAGE_BYTES))
			bytes = PAGE_BYTES;
		if (!bpf_probe_read_user(to, bytes, (void *)from)) {
			copied += bytes;
			from += bytes;
			left -= bytes;
			if (!left)
				break;
			continue;
		}
		/* The next page does not belong to the stack: copies the rest of this page. */
		if (of_page < bytes && !bpf_probe_read_user(to, of_page, (void *)from))
			copied += of_page;
		break;
	}
	return copied;
}

/*
 * The registers that the kernel saved at its entry show the state of user space, also in an
 * interrupt.
 */
static __always_inline int copy_registers(struct native_copy *copy, struct task_struct *task)
{
	return read_native_registers(copy->record.registers, saved_regs_of(task));
}

__noinline int copy_native(__u32 tid, __u64 now)
{
	struct native_copy *copy = bpf_map_lookup_elem(&natives, &tid);
	struct loop_thread *t = find_thread(tid);
	struct task_struct *task = current_task();
	__u32 bytes;

	if (!copy || !t || copy_registers(copy, task)) {
		count_loss(LOSS_NATIVE_MISSING);
		return 0;
	}
	bytes = copy_stack(copy, task);
	copy->record.stack_bytes = bytes;
	copy->record.iteration = t->iteration;
	fill_head(&copy->record.head, RECORD_NATIVE, sizeof(copy->record) + bytes, t->pid, tid,
		  now);
	return 1;
}

__noinline int send_native(__u32 tid, __u64 time_ns)
{
	struct native_copy *copy = bpf_map_lookup_elem(&natives, &tid);
	__u64 bytes;

	if (!copy || copy->record.head.time_ns != time_ns)
		return 0;
	bytes = copy->record.stack_bytes;
	if (!IS_AT_MOST(bytes, NATIVE_STACK_MAX))
		return 0;
	return !emit(copy, sizeof(copy->record) + bytes, LATER);
}
