/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_RECORDS_H
#define AIOTRACE_ABI_RECORDS_H

#include <linux/types.h>

#include "cause.h"

/*
 * What BPF writes into the ring buffer. Every record starts with struct record; `size`
 * is the whole record in bytes. Records with text carry it behind the fixed part, the
 * pieces back to back in the order of their struct text fields.
 */
enum record_type {
	RECORD_LOOP = 1, /* a thread polled for the first time, or changed to another epoll */
	RECORD_CODE, /* a code object seen for the first time: comes before its stacks */
	RECORD_STACK, /* a Python stack seen for the first time: comes before its use */
	RECORD_TASK, /* the task of the samples and blocks that follow in this iteration */
	RECORD_BLOCKED, /* off the CPU inside an iteration */
	RECORD_SAMPLE, /* on the CPU inside an iteration */
	RECORD_ITERATION, /* an iteration ended and is a stall */
	RECORD_EXEC,
	RECORD_THREAD_EXIT,
	RECORD_PROCESS_EXIT,
	RECORD_FORK,
	RECORD_TARGET, /* whom the next blocked record of the thread waited for */
	RECORD_NATIVE, /* registers and stack of the thread's next sample or blocked record */
	RECORD_RUNS, /* who ran while the thread of the next blocked record was ready to */
	RECORD_MAX,
};

struct record {
	__u16 type; /* enum record_type */
	__u16 version; /* 0 */
	__u32 size;
	__u32 pid; /* tgid, initial pid namespace */
	__u32 tid;
	__u64 time_ns; /* CLOCK_MONOTONIC */
};

enum loop_kind {
	LOOP_PLAIN = 0, /* no Python stack */
	LOOP_ASYNCIO, /* BaseEventLoop._run_once on the stack */
	LOOP_PYTHON, /* a Python stack without it: uvloop, or a program's own loop */
};

struct loop_record {
	struct record head;
	__s32 epfd;
	__u32 kind; /* enum loop_kind */
	char comm[16];
};

/* A piece of text as CPython stores it: characters of `width` bytes, not yet UTF-8. */
struct text {
	__u32 length; /* characters the object has */
	__u16 bytes; /* bytes that follow in this record (cut at TEXT_MAX) */
	__u8 width; /* 1 (Latin-1 or ASCII), 2, 4; 0: no text */
	__u8 flags; /* enum text_flags */
};

enum text_flags {
	TEXT_CUT = 1u << 0, /* fewer bytes follow than the object has */
	TEXT_NUMBER = 1u << 1, /* a PyLong n follows as u64: the name is "Task-n" */
};

#define TEXT_MAX 512
#define LINETABLE_MAX 4096
#define MAX_FRAMES 256

struct code_record {
	struct record head;
	__u64 code_id; /* names this code object; a reused address has another id */
	__u64 address;
	__u64 linetable; /* address of the bytes object */
	__u32 firstlineno;
	__u32 flags; /* co_flags */
	__u32 linetable_size; /* the object's size in bytes */
	__u32 linetable_bytes; /* that follow behind the texts; 0 if larger than LINETABLE_MAX */
	__u64 name_address; /* the unicode objects: for what was cut */
	__u64 filename_address;
	struct text name; /* co_qualname, before 3.11 co_name */
	struct text filename;
	/* name, filename, line table */
};

struct frame {
	__u64 code_id;
	__s32 lasti; /* byte offset of the instruction in the bytecode; -1: not started */
	__u32 flags; /* enum frame_flags */
};

enum frame_flags {
	FRAME_COROUTINE = 1u << 0, /* a coroutine's own frame */
	FRAME_ENTRY = 1u << 1, /* C called the evaluation for it (3.11+) */
};

enum stack_flags {
	STACK_UNREADABLE = 1u << 0, /* ends at a frame that could not be read */
	STACK_TOO_DEEP = 1u << 1, /* ends at MAX_FRAMES */
};

struct stack_record {
	struct record head;
	__u64 stack_id; /* hash of what follows, never 0 */
	__u32 count; /* frames, innermost first */
	__u32 flags; /* enum stack_flags */
	/* struct frame[count] */
};

struct task_record {
	struct record head;
	__u64 iteration;
	__u64 task; /* address; 0: only the coroutine is known */
	__u64 coroutine; /* address of the root coroutine */
	__u64 code_id; /* of the root coroutine; 0: unknown */
	struct text name; /* the task's; width 0: unknown */
	struct text qualname; /* the root coroutine's */
	/* name, qualname */
};

struct blocked_record {
	struct record head; /* time_ns: end of the runnable part */
	__u64 iteration;
	__u64 start_ns; /* the switch-out; of the last one when count > 1 */
	__u64 blocked_ns; /* switch-out to wake-up */
	__u64 runnable_ns; /* wake-up to switch-in */
	__u64 stack_id; /* 0: none */
	__u64 args[4]; /* of the system call */
	__u32 cause; /* enum cause */
	__s32 syscall; /* -1: none, a fault or a preemption */
	__u32 count; /* switch-outs added up in here */
	__s32 fd; /* the descriptor it waits on; -1: none */
	__u64 holder_tstate; /* gil: who held it, else 0 */
	__u64 holder_stack; /* its stack_id, 0: none */
	__u32 holder_tid; /* as glibc keeps it in the holder's struct pthread; unchecked, 0: unknown */
	__u32 flags; /* enum blocked_flags */
	__u32 runner_pid; /* who left the CPU for this thread, 0: it was idle */
	__u32 pad;
	char runner_comm[16];
};

enum blocked_flags {
	BLOCKED_HAS_TASK = 1u << 0, /* belongs to the last task record of the iteration */
	BLOCKED_HAS_TARGET = 1u << 1, /* the last target record of the thread is its */
	BLOCKED_THROTTLED = 1u << 2, /* the runnable part has the cause throttled */
	BLOCKED_HAS_NATIVE = 1u << 3, /* the last native record of the thread is its */
	BLOCKED_HAS_RUNS = 1u << 4, /* the last runs record of the thread is its */
	BLOCKED_HOLDS_GIL =
		1u << 8, /* the thread kept the GIL meanwhile; only in a profile of it */
};

/* A stretch in which one process had a CPU; it began when the one before it ended. */
struct run {
	__u64 end_ns;
	__u32 pid; /* tgid; 0: the CPU was idle */
	__u32 pad;
	char comm[16]; /* of the process, not of the thread */
};

#define RUNS_MAX 64 /* a power of two */

struct runs_record {
	struct record head;
	__u64 iteration;
	__u64 since_ns; /* since when the thread was ready; one more run may have begun before */
	__u32 count;
	__u32 pad;
	/* struct run[count], the newest last */
};

enum sample_flags {
	SAMPLE_KERNEL = 1u << 0,
	SAMPLE_GC = 1u << 1,
	SAMPLE_HAS_TASK = 1u << 2,
	SAMPLE_HAS_NATIVE = 1u << 3, /* the last native record of the thread is its */
	SAMPLE_WANTS_FINE = 1u << 4, /* the thread should be sampled finely from now on */
	SAMPLE_HOLDS_GIL = 1u << 8, /* only in a profile of the GIL */
};

#define SAMPLE_WORDS 64

struct sample_record {
	struct record head;
	__u64 iteration;
	__u64 stack_id; /* 0: none */
	__u64 ip; /* user address of the leaf; in kernel mode, where it will return to */
	__u64 callback; /* distinguishes callbacks of one iteration; 0: not known */
	__u64 sp; /* user stack pointer and frame pointer; 0 in kernel mode */
	__u64 bp;
	__u64 cpu_ns; /* on a CPU since the iteration's last sample, or since its beginning */
	__s32 syscall; /* in kernel mode: the number; -1: a fault or an interrupt */
	__u32 flags; /* enum sample_flags */
	__u32 words; /* u64 words of the user stack that follow (leaf outside the interpreter) */
	__u32 pad;
};

/*
 * Slots of registers. Behind the first two are those that a function has to keep, enough to find
 * its caller: which ones, bpf/lib/arch.bpf.h and Machine in user/machine/ say for each processor.
 */
enum native_register {
	NATIVE_IP = 0,
	NATIVE_SP,
	NATIVE_KEPT,
	NATIVE_REGISTERS = 8,
};

#define NATIVE_STACK_MAX 16384

/* Only with --native. */
struct native_record {
	struct record head; /* time_ns: of the sample, or the switch-out */
	__u64 iteration;
	__u64 registers[NATIVE_REGISTERS];
	__u32 stack_bytes; /* that follow: the user stack from its pointer on */
	__u32 pad;
	/* stack */
};

enum iteration_flags {
	ITERATION_EXITED = 1u << 0, /* the thread ended (or exec'd) in it */
	ITERATION_OPEN_START = 1u << 1, /* began before aiotrace could see it: at least */
};

struct iteration_record {
	struct record head;
	__u64 iteration; /* number, counted per thread */
	__u64 start_ns; /* the poll's return */
	__u64 duration_ns;
	__u64 runnable_ns; /* after a preemption; the runnable part of blocks is in cause_ns too */
	__u64 cause_ns
		[CAUSE_SLOTS]; /* blocked by cause, and cpu-wait in all; the rest was on a CPU */
	__u32 cause_count[CAUSE_SLOTS];
	__s32 epfd;
	__u32 samples; /* emitted in this iteration */
	__u32 flags; /* enum iteration_flags */
	__u32 losses; /* records of this iteration that found no room */
	__u32 ready; /* 1 + the most callbacks that were ready at once; 0: not known */
	__u32 timers; /* 1 + those that were due at its end, and LOOP_TIMERS_AT_LEAST; 0: not known */
	__u64 timers_late_ns; /* the first of them */
};

struct exec_record {
	struct record head;
	char comm[16];
};

struct exit_record { /* RECORD_THREAD_EXIT, RECORD_PROCESS_EXIT */
	struct record head;
	__u32 exit_code; /* as wait() reports it */
	__u32 pad;
};

struct fork_record {
	struct record head; /* the parent */
	__u32 child_pid;
	__u32 child_tid;
};

enum target_kind {
	TARGET_IS_PATH = 1, /* as the program gave it, perhaps relative; ends with a zero byte */
	TARGET_IS_FILE, /* names from the file up to the root, each ended by a zero byte */
	TARGET_IS_SOCKET,
	TARGET_IS_CHILD,
	TARGET_IS_ADDRESS, /* of a major fault, in `address`: of the blocked record before this one */
};

#define TARGET_TEXT_MAX 1024

struct target_record {
	struct record head;
	__u64 iteration;
	union {
		__u64 inode;
		__u64 address; /* in the process's memory */
	};
	__u32 kind; /* enum target_kind */
	__s32 fd; /* -1: none */
	__s32 syscall;
	__u32 mode; /* i_mode of the file */
	__u16 family; /* AF_*: sockets */
	__u16 protocol; /* IPPROTO_* */
	__u16 local_port; /* host order; 0: none */
	__u16 peer_port;
	__u8 local[16]; /* network order, the first 4 bytes for AF_INET */
	__u8 peer[16];
	__u32 child_pid; /* initial pid namespace */
	__u32 text_bytes; /* that follow: a path, or a unix socket's (its own, else its peer's) */
	__u16 socket_type; /* SOCK_* */
	__u8 text_is_peers; /* of a unix socket */
	__u8 deleted; /* the file has no name any more */
	__u32 pad;
	char comm[16]; /* the child's */
	/* text */
};

#define ABI_ASSERT(x) ABI_ASSERT_(x, #x)
#ifdef __cplusplus
#define ABI_ASSERT_(x, s) static_assert(x, s)
#else
#define ABI_ASSERT_(x, s) _Static_assert(x, s)
#endif
ABI_ASSERT(sizeof(struct record) == 24);
ABI_ASSERT(sizeof(struct loop_record) == 48);
ABI_ASSERT(sizeof(struct text) == 8);
ABI_ASSERT(sizeof(struct code_record) == 24 + 24 + 16 + 16 + 16);
ABI_ASSERT(sizeof(struct frame) == 16);
ABI_ASSERT(sizeof(struct stack_record) == 40);
ABI_ASSERT(sizeof(struct task_record) == 24 + 32 + 16);
ABI_ASSERT(sizeof(struct blocked_record) == 24 + 40 + 32 + 16 + 24 + 24);
ABI_ASSERT(sizeof(struct target_record) == 24 + 16 + 16 + 8 + 32 + 16 + 16);
ABI_ASSERT(sizeof(struct sample_record) == 24 + 56 + 16);
ABI_ASSERT(sizeof(struct native_record) == 24 + 8 + 8 * NATIVE_REGISTERS + 8);
ABI_ASSERT(sizeof(struct iteration_record) == 24 + 32 + 12 * CAUSE_SLOTS + 16 + 16);
ABI_ASSERT(sizeof(struct run) == 32);
ABI_ASSERT(sizeof(struct runs_record) == 24 + 24);
ABI_ASSERT(sizeof(struct exec_record) == 40);
ABI_ASSERT(sizeof(struct exit_record) == 32);
ABI_ASSERT(sizeof(struct fork_record) == 32);

#endif
