/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_CONFIG_H
#define AIOTRACE_ABI_CONFIG_H

#include <linux/types.h>

#include "cause.h"
#include "layout.h"
#include "share.h"

/* What the whole session wants: written once, before the programs are loaded. */
struct session_config {
	__u64 warn_ns; /* an iteration at least this long is a stall */
	__u64 young_ns; /* samples in a younger iteration are dropped at once */
	__u64 coarse_ns; /* period of the samples of a thread whose iterations are short */
	__u64 fine_after_ns; /* an iteration that used the CPU for longer asks for finer ones; all ones: none does */
	__u64 segment_ns; /* a blocked time at least this long is reported separately */
	__u64 native_ns; /* --native: waits at least this long carry the user stack; 0: nothing does */
	__u64 pid_ns_dev; /* unused when 0: tids are those of the initial namespace */
	__u64 pid_ns_ino;
	__u32 own_pid; /* aiotrace itself: never traced */
	__u32 trace_all; /* -a: a process without a config is traced as a plain loop */
	__u32 follow; /* a child starts with its parent's config */
	__u32 ring_bytes; /* size of the ring buffer */
	__u32 share_seed; /* so that no process can choose a pid that shares with another's */
	__u32 ring_share; /* how many times what it leaves free a process may use of the ring */
};

enum process_flags {
	PROCESS_PYTHON = 1u << 0, /* layout is valid */
	PROCESS_DEAD = 1u << 1, /* exec happened: the layout speaks of the image before */
	PROCESS_IGNORED = 1u << 2, /* -a: not asked for */
	PROCESS_GREENLETS = 1u << 3, /* the extension module greenlet is loaded */
};

/*
 * Where a thread's current greenlet and the frames of a suspended one are. Filled in by
 * user/python/greenlets, which has the sources of these facts.
 */
struct greenlet_layout {
	__u64 current; /* greenlet 0.4 and 1: address of ts_current; 0: it is thread-local */
	__u64 image; /* where the module's file is mapped: its objects have their methods there */
	__u64 image_bytes;
	__u32 tls_module; /* greenlet 2 and 3: the dynamic linker's number of the module; 0: unknown */
	__u32 tls_offset; /* of the pointer to the thread's state in the module's block */
	__u32 implementation; /* in the object: pointer to what holds the fields; 0: the object itself */
	__u32 stack_state; /* stack_start, stack_stop, stack_copy, stack_saved: 8 bytes each */
	__u32 top_frame; /* PyFrameObject of a suspended greenlet */
	__u32 parent; /* greenlet 0.4 and 1; 0: found by search, see parent_of */
	__u32 frame_object_frame; /* PyFrameObject.f_frame (3.11+); 0: the frame object is the frame */
	__u32 frame_frame_object; /* _PyInterpreterFrame.frame_obj (3.11+) */
};

/* One traced process; key of the map: its tgid in the initial pid namespace. */
struct process_config {
	__u32 flags; /* enum process_flags */
	__u32 generation; /* raised by user space at each rewrite */
	__u64 interpreters_head; /* address of _PyRuntime.interpreters.head (a pointer) */
	__u64 gil_addr; /* struct _gil_runtime_state (<= 3.11), else 0 */
	__u64 gc_addr; /* struct _gc_runtime_state of the runtime (3.8), else 0 */
	__u64 current_tasks; /* the dict asyncio.tasks._current_tasks (<= 3.13), else 0 */
	__u64 text_start; /* the interpreter's executable mapping: a leaf in here is Python */
	__u64 text_end;
	struct greenlet_layout greenlets; /* true with PROCESS_GREENLETS */
	struct py_layout layout;
};

/* Classes of a system call, decided at load time per number; see user/probe/syscalls. */
enum syscall_class {
	SYSCALL_OTHER = 0,
	SYSCALL_SLEEP,
	SYSCALL_FILE,
	SYSCALL_NETWORK,
	SYSCALL_PROCESS,
	SYSCALL_FUTEX,
	SYSCALL_FD, /* by the kind of the file behind argument 0 */
	SYSCALL_POLL, /* select, poll, epoll inside a callback; without descriptors it is a sleep */
	SYSCALL_STOP, /* never blocks by itself */
};

#define SYSCALL_TABLE_SIZE 512

/* Value of the table: the class, and above it which argument is a path (1 the first; 0: none). */
#define SYSCALL_CLASS(value) ((value) & 0xff)
#define SYSCALL_PATH(value) ((value) >> 8)

/*
 * Log-linear histogram of iteration durations: 8 steps per octave, bucket
 * (octave << 3 | next three bits below the leading one) of the duration in ns.
 */
#define HIST_BUCKETS 320

/* Statistics of one loop since it was first seen. */
struct loop_stats {
	__u64 iterations;
	__u64 busy_ns;
	__u64 max_ns;
	__u64 stalls;
	__u32 buckets[HIST_BUCKETS];
};

/*
 * Everything that was lost, by name: per-CPU counters, map `losses`. The names that a
 * user sees are in user/model/losses.
 */
enum loss {
	LOSS_RING_FULL = 0, /* a record found no room in the ring buffer */
	LOSS_THREADS_FULL, /* map of loop threads full */
	LOSS_STACK_UNREADABLE, /* a frame could not be read: the stack ends there */
	LOSS_STACK_TOO_DEEP, /* more frames than MAX_FRAMES: the outermost are missing */
	LOSS_THREAD_UNKNOWN, /* no Python thread state found for a loop thread */
	LOSS_NAME_UNREADABLE, /* a code object's names could not be read; counted by user space */
	LOSS_TASK_UNREADABLE, /* the running task could not be read */
	LOSS_SEEN_FULL, /* map of stacks or code objects already sent is full: sent again */
	LOSS_SWITCH_UNSEEN, /* a thread came back onto a CPU without an event of sched_switch */
	LOSS_NATIVE_MISSING, /* --native: no room for a thread's native stack */
	LOSS_MAX,
};

#ifdef __cplusplus
#define ABI_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), "both sides must agree")
#else
#define ABI_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "both sides must agree")
#endif
ABI_ASSERT_SIZE(struct session_config, 88);
ABI_ASSERT_SIZE(struct greenlet_layout, 56);
ABI_ASSERT_SIZE(struct process_config,
		56 + sizeof(struct greenlet_layout) + sizeof(struct py_layout));
ABI_ASSERT_SIZE(struct loop_stats, 32 + 4 * HIST_BUCKETS);

#endif
