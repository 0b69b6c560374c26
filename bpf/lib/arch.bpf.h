/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_ARCH_BPF_H
#define AIOTRACE_LIB_ARCH_BPF_H

/*
 * Everything that depends on the processor: registers, system call numbers, the C library's thread
 * block. To support another processor, define the same names behind the #if below, and add its
 * Machine in user/machine/.
 */
#include "lib/kernel.bpf.h"

#include "abi/records.h"

#if defined(__TARGET_ARCH_x86)

/* Saved user registers: arch/x86/include/asm/ptrace.h, part of the ptrace ABI. */
struct saved_regs {
	__u64 r15, r14, r13, r12, bp, bx;
	__u64 r11, r10, r9, r8, ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};

/*
 * The system call a task is in, its first argument and the address of the call: adjacent fields of
 * struct saved_regs.
 */
struct call {
	__u64 argument;
	__u64 number; /* see call_number */
	__u64 ip;
};

static __always_inline const void *call_in(const struct saved_regs *regs)
{
	return &regs->di;
}

/* -1: the kernel was entered by a fault or an interrupt. */
static __always_inline __s32 call_number(const struct call *call)
{
	return (__s64)call->number < 0 ? -1 : (__s32)call->number;
}

static __always_inline __s32 saved_call_number(const struct saved_regs *regs)
{
	return (__s64)regs->orig_ax < 0 ? -1 : (__s32)regs->orig_ax;
}

/* Of a system call: arch/x86/entry/calling.h. */
static __always_inline __u64 call_argument(const struct saved_regs *regs, int index)
{
	return index == 0 ? regs->di : index == 1 ? regs->si : index == 2 ? regs->dx : regs->r10;
}

/* Of a function, at its entry: System V ABI. */
#define FIRST_ARGUMENT(regs) ((regs)->di)
#define THIRD_ARGUMENT(regs) ((regs)->dx)
#define RESULT(regs) ((regs)->ax)

/*
 * The stack pointer at the function's entry, computed at its return, when the return address is
 * popped.
 */
#define ENTRY_STACK_POINTER(regs) ((regs)->sp - 8)

#define STACK_POINTER(regs) ((regs)->sp)
#define FRAME_POINTER(regs) ((regs)->bp)
#define INSTRUCTION_POINTER(regs) ((regs)->ip)

/* Whether user space was interrupted, not the kernel. */
#define IS_USER_MODE(regs) (((regs)->cs & 3) == 3)

/* Callee-saved registers. */
#define KEPT_REGISTERS 6

static __always_inline void kept_registers(__u64 *to, const struct saved_regs *regs)
{
	to[0] = regs->bx;
	to[1] = regs->bp;
	to[2] = regs->r12;
	to[3] = regs->r13;
	to[4] = regs->r14;
	to[5] = regs->r15;
}

/* Copies saved registers into native_record.registers: r15, r14, r13, r12, bp, bx. 0: done. */
static __always_inline int read_native_registers(__u64 *to, const struct saved_regs *regs)
{
	return bpf_probe_read_kernel(to + NATIVE_KEPT, 6 * sizeof(*to), regs) ||
	       bpf_probe_read_kernel(to + NATIVE_IP, sizeof(*to), &regs->ip) ||
	       bpf_probe_read_kernel(to + NATIVE_SP, sizeof(*to), &regs->sp);
}

#define KERNEL_STACK_BYTES \
	16384 /* THREAD_SIZE of arch/x86/include/asm/page_64_types.h, without KASAN */
#define USER_ADDRESS_BITS 47

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct thread_struct {
	unsigned long fsbase;
};
struct task_struct___x86 {
	struct thread_struct thread;
};
#pragma clang attribute pop

/* The value of pthread_self() and of PyThreadState.thread_id. */
static __always_inline __u64 thread_pointer_of(struct task_struct *task)
{
	struct task_struct___x86 *here = (void *)task;

	return BPF_CORE_READ(here, thread.fsbase);
}

/* pthread_mutex_t and pthread_cond_t: sysdeps/x86/nptl/bits/pthreadtypes-arch.h */
#define MUTEX_BYTES 40
#define CONDITION_BYTES 48

/* struct pthread, from the thread pointer: glibc 2.31 to 2.43, nptl/descr.h and sysdeps/x86_64/nptl/tls.h. */
#define PTHREAD_TID 0x2d0
#define PTHREAD_DTV 8

/* The function of a system call, for fentry: arch/x86/include/asm/syscall_wrapper.h. */
#define SYSCALL_FUNCTION(name) "__x64_sys_" name

/* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_poll 7
#define NR_select 23
#define NR_connect 42
#define NR_wait4 61
#define NR_epoll_wait 232
#define NR_waitid 247
#define NR_pselect6 270
#define NR_ppoll 271
#define NR_epoll_pwait 281
#define NR_epoll_pwait2 441

static __always_inline int is_epoll(__s64 syscall)
{
	return syscall == NR_epoll_wait || syscall == NR_epoll_pwait || syscall == NR_epoll_pwait2;
}

static __always_inline int is_select(__s64 syscall)
{
	return syscall == NR_poll || syscall == NR_select || syscall == NR_pselect6 ||
	       syscall == NR_ppoll;
}

#else
#error "aiotrace knows x86-64 only: -D__TARGET_ARCH_x86"
#endif

#endif
