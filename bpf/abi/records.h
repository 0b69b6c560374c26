/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_RECORDS_H
#define AIOTRACE_ABI_RECORDS_H

#include <linux/types.h>

#include "cause.h"

/*
 * Records that BPF writes into the ring buffer. Every record starts with struct record; `size` is
 * the size of the whole record in bytes. The texts of a record follow its fixed part without gaps,
 * in the order of its struct text fields.
 */
enum record_type {
	RECORD_LOOP = 1, /* a thread polls for the first time, or changed to another epoll */
	/* a code object seen for the first time: sent before the stacks that contain it */
	RECORD_CODE,
	RECORD_STACK, /* a Python stack seen for the first time: sent before it is referred to */
	RECORD_TASK, /* the task of the samples and blocks that follow in this iteration */
	RECORD_BLOCKED, /* off the CPU inside an iteration */
	RECORD_SAMPLE, /* on the CPU inside an iteration */
	RECORD_ITERATION, /* an iteration ended and is a stall */
	RECORD_EXEC,
	RECORD_THREAD_EXIT,
	RECORD_PROCESS_EXIT,
	RECORD_FORK,
	RECORD_TARGET, /* what the thread's next blocked record waited for */
	RECORD_NATIVE, /* registers and stack of the thread's next sample or blocked record */
	/* processes that ran while the thread of the next blocked record was runnable */
	RECORD_RUNS,
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
	LOOP_PYTHON, /* a Python stack without _run_once: uvloop, or the program's own loop */
};

struct loop_record {
	struct record head;
	__s32 epfd;
	__u32 kind; /* enum loop_kind */
	char comm[16];
};

/* A piece of text as CPython stores it: characters of `width` bytes, not yet UTF-8. */
struct text {
	__u32 length; /* characters of the object */
	__u16 bytes; /* bytes of the text in this record (cut at TEXT_MAX) */
	__u8 width; /* 1 (Latin-1 or ASCII), 2, 4; 0: no text */
	__u8 flags; /* enum text_flags */
};

enum text_flags {
	TEXT_CUT = 1u << 0, /* this record has fewer bytes than the object */
	TEXT_NUMBER = 1u << 1, /* a PyLong n is here as u64: the name is "Task-n" */
};

#define TEXT_MAX 512
#define LINETABLE_MAX 4096
#define MAX_FRAMES 256

struct code_record {
	struct record head;
	__u64 code_id; /* identifies this code object; a reused address has another id */
	__u64 address;
	__u64 linetable; /* address of the bytes object */
	__u32 firstlineno;
	__u32 flags; /* co_flags */
	__u32 linetable_size; /* the object's size in bytes */
	/* bytes of the line table behind the texts; 0 if larger than LINETABLE_MAX */
	__u32 linetable_bytes;
	__u64 name_address; /* addresses of the str objects, to read what was cut */
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
	FRAME_COROUTINE = 1u << 0, /* this frame belongs to a coroutine */
	FRAME_ENTRY = 1u << 1, /* C code called the evaluation of this frame (3.11+) */
};

enum stack_flags {
	STACK_UNREADABLE = 1u << 0, /* the stack ends at a frame that could not be read */
	STACK_TOO_DEEP = 1u << 1, /* the stack ends at MAX_FRAMES */
};

struct stack_record {
	struct record head;
	__u64 stack_id; /* hash of the frames, never 0 */
	__u32 count; /* frames, innermost first */
	__u32 flags; /* enum stack_flags */
	/* struct frame[count] */
};

struct task_record {
	struct record head;
	__u64 iteration;
	__u64 task; /* address of the task; 0: only the coroutine is known */
	__u64 coroutine; /* address of the root coroutine */
	__u64 code_id; /* of the root coroutine; 0: unknown */
	struct text name; /* the task's name; width 0: unknown */
	struct text qualname; /* the root coroutine's name */
	/* name, qualname */
};

struct blocked_record {
	struct record head; /* time_ns: end of the runnable part */
	__u64 iteration;
	__u64 start_ns; /* time of the switch-out; of the last one if count > 1 */
	__u64 blocked_ns; /* switch-out to wake-up */
	__u64 runnable_ns; /* wake-up to switch-in */
	__u64 stack_id; /* stack id; 0: none */
	__u64 args[4]; /* of the system call */
	__u32 cause; /* enum cause */
	__s32 syscall; /* -1: no system call: a fault or a preemption */
	__u32 count; /* number of switch-outs that are added up in this record */
	__s32 fd; /* the descriptor that the thread waits on; -1: none */
	__u64 holder_tstate; /* cause gil: the thread that held the GIL, else 0 */
	__u64 holder_stack; /* the holder's stack_id, 0: none */
	/* the holder's tid as glibc stores it in struct pthread; not verified, 0: unknown */
	__u32 holder_tid;
	__u32 flags; /* enum blocked_flags */
	__u32 runner_pid; /* the process that left the CPU for this thread, 0: the CPU was idle */
	__u32 pad;
	char runner_comm[16];
};

enum blocked_flags {
	BLOCKED_HAS_TASK = 1u << 0, /* belongs to the last task record of the iteration */
	BLOCKED_HAS_TARGET = 1u << 1, /* the thread's last target record belongs to this record */
	BLOCKED_THROTTLED = 1u << 2, /* the runnable part has the cause throttled */
	BLOCKED_HAS_NATIVE = 1u << 3, /* the thread's last native record belongs to this record */
	BLOCKED_HAS_RUNS = 1u << 4, /* the thread's last runs record belongs to this record */
	BLOCKED_HOLDS_GIL =
		1u << 8, /* the thread held the GIL during the wait; only in a profile of the GIL */
};

/* An interval in which one process had a CPU; it began when the previous one ended. */
struct run {
	__u64 end_ns;
	__u32 pid; /* tgid; 0: the CPU was idle */
	__u32 pad;
	char comm[16]; /* name of the process, not of the thread */
};

#define RUNS_MAX 64 /* a power of two */

struct runs_record {
	struct record head;
	__u64 iteration;
	/* when the thread became runnable; the oldest run may have begun before that */
	__u64 since_ns;
	__u32 count;
	__u32 pad;
	/* struct run[count], the newest last */
};

enum sample_flags {
	SAMPLE_KERNEL = 1u << 0,
	SAMPLE_GC = 1u << 1,
	SAMPLE_HAS_TASK = 1u << 2,
	SAMPLE_HAS_NATIVE = 1u << 3, /* the thread's last native record belongs to this record */
	SAMPLE_WANTS_FINE = 1u << 4, /* request: sample the thread finely from now on */
	SAMPLE_HOLDS_GIL = 1u << 8, /* only in a profile of the GIL */
};

#define SAMPLE_WORDS 64

struct sample_record {
	struct record head;
	__u64 iteration;
	__u64 stack_id; /* 0: none */
	__u64 ip; /* user address of the leaf; in kernel mode, the return address to user mode */
	__u64 callback; /* distinguishes the callbacks of one iteration; 0: unknown */
	__u64 sp; /* user stack pointer and frame pointer; 0 in kernel mode */
	__u64 bp;
	__u64 cpu_ns; /* CPU time since the iteration's last sample, or since its beginning */
	__s32 syscall; /* in kernel mode: the system call's number; -1: a fault or an interrupt */
	__u32 flags; /* enum sample_flags */
	/* u64 words of the user stack that follow (if the leaf is outside the interpreter) */
	__u32 words;
	__u32 pad;
};

/*
 * Slots of registers. The first two are followed by the callee-saved registers, which are enough to
 * find the caller. bpf/lib/arch.bpf.h and Machine in user/machine/ list them for each processor.
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
	__u32 stack_bytes; /* bytes that follow: the user stack from its pointer on */
	__u32 pad;
	/* stack */
};

enum iteration_flags {
	ITERATION_EXITED = 1u << 0, /* the thread ended (or exec'd) in it */
	/* began before aiotrace saw the thread: the duration is a lower bound */
	ITERATION_OPEN_START = 1u << 1,
};

struct iteration_record {
	struct record head;
	__u64 iteration; /* number of the iteration, counted per thread */
	__u64 start_ns; /* when the poll returned */
	__u64 duration_ns;
	__u64 runnable_ns; /* after preemptions; the runnable part of blocks is in cause_ns too */
	__u64 cause_ns
		[CAUSE_SLOTS]; /* blocked by cause, and the whole cpu-wait; the rest was on a CPU */
	__u32 cause_count[CAUSE_SLOTS];
	__s32 epfd;
	__u32 samples; /* records emitted in this iteration */
	__u32 flags; /* enum iteration_flags */
	__u32 losses; /* records of this iteration for which the ring buffer had no room */
	__u32 ready; /* 1 + the highest number of callbacks that were ready at once; 0: unknown */
	/*
	 * 1 + the number of timers that were due at its end, and LOOP_TIMERS_AT_LEAST; 0: unknown
	 */
	__u32 timers;
	__u64 timers_late_ns; /* how late the first of them was */
};

struct exec_record {
	struct record head;
	char comm[16];
};

struct exit_record { /* RECORD_THREAD_EXIT, RECORD_PROCESS_EXIT */
	struct record head;
	__u32 exit_code; /* exit code as wait() reports it */
	__u32 pad;
};

struct fork_record {
	struct record head; /* pid of the parent */
	__u32 child_pid;
	__u32 child_tid;
};

enum target_kind {
	/* path as the program gave it, perhaps relative; ends with a zero byte */
	TARGET_IS_PATH = 1,
	TARGET_IS_FILE, /* names from the file up to the root, each ends with a zero byte */
	TARGET_IS_SOCKET,
	TARGET_IS_CHILD,
	/* of a major fault, in `address`: belongs to the blocked record before this one */
	TARGET_IS_ADDRESS,
};

#define TARGET_TEXT_MAX 1024

struct target_record {
	struct record head;
	__u64 iteration;
	union {
		__u64 inode;
		__u64 address; /* an address in the process's memory */
	};
	__u32 kind; /* enum target_kind */
	__s32 fd; /* descriptor; -1: none */
	__s32 syscall;
	__u32 mode; /* i_mode of the file */
	__u16 family; /* AF_*: sockets */
	__u16 protocol; /* IPPROTO_* */
	__u16 local_port; /* port in host order; 0: none */
	__u16 peer_port;
	__u8 local[16]; /* address in network order, the first 4 bytes for AF_INET */
	__u8 peer[16];
	__u32 child_pid; /* initial pid namespace */
	/* bytes that follow: a path, or a unix socket's name (its own, else its peer's) */
	__u32 text_bytes;
	__u16 socket_type; /* SOCK_* */
	__u8 text_is_peers; /* of a unix socket */
	__u8 deleted; /* the file has no name any more (it was deleted) */
	__u32 pad;
	char comm[16]; /* name of the child */
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
