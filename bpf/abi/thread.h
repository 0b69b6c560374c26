/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_THREAD_H
#define AIOTRACE_ABI_THREAD_H

#include <linux/types.h>

#include "cause.h"
#include "config.h"

enum off_cpu {
	OFF_NOT = 0, /* on a CPU, or unknown */
	OFF_IN_POLL, /* inside the loop's own poll: idle, whatever the reason */
	OFF_RUNNABLE, /* preempted */
	OFF_BLOCKED,
};

/*
 * Whether the thread is inside the program on its poll's entry. Programs of fentry and uprobe may
 * be preempted (__bpf_prog_enter and uprobe programs only disable migration, so a kernel with
 * PREEMPT or PREEMPT_LAZY can switch there). If they are, the thread's iteration has not ended yet.
 */
enum in_probe {
	PROBE_NOT = 0,
	PROBE_RUNS,
	PROBE_INTERRUPTED, /* preempted by a switch to another thread */
};

/* How the target of a wait is reported. */
enum wait_target {
	TARGET_NONE = 0,
	TARGET_SENT, /* a record was sent at the switch-out, because the path was in user memory */
	TARGET_FILE, /* wait.object */
	TARGET_CHILD, /* a child of the thread */
};

/* Value of loop_thread.epfd for a loop on select or poll (SelectSelector or PollSelector). */
#define EPFD_SELECT (-2)

/*
 * The value stored under a tid modulo 65536 (tids have 22 bits): 1 + the slot of the thread that
 * was added last, and the upper bits of its tid. The slots of other threads are in a map.
 * TID_ENTRY_NONE stands for no thread: its slot was returned.
 */
#define TID_ENTRY(tid, slot) ((__u32)(tid) >> 16 << 16 | ((slot) + 1))
#define TID_ENTRY_SLOT(entry) (((entry) & 0xffff) - 1)
#define TID_ENTRY_IS_OF(entry, tid) ((entry) >> 16 == (__u32)(tid) >> 16)
#define TID_ENTRY_NONE 0xffff0000u

/* What was known about a wait when the thread left the CPU. */
struct wait {
	__u64 stack_id; /* 0: none */
	__u64 args[4];
	__u64 holder_tstate;
	__u64 holder_stack;
	/* TARGET_FILE: struct file, which the system call holds; TARGET_CHILD: own task_struct */
	__u64 object;
	__u64 root; /* TARGET_FILE: dentry of the process's root directory, where its paths start */
	__u32 holder_tid;
	__s32 syscall; /* -1: none */
	__s32 fd; /* -1: none */
	__u32 cause; /* enum cause */
	__u32 target; /* enum wait_target */
	__u32 holds_gil; /* the thread holds the GIL while it waits; only in a profile of the GIL */
};

/* Time of one cause. */
struct cause_time {
	__u64 ns; /* in the present iteration */
	__u64 pending_ns; /* blocked time that is not yet in a record */
	__u64 pending_runnable_ns;
	__u32 count; /* of waits in the present iteration */
	__u32 pending_count;
};

/* Whose garbage collection is running in the thread's interpreter: see bpf/lib/gc.bpf.h. */
enum whose_gc {
	GC_NONE = 0,
	GC_OWN,
	GC_OF_OTHER,
};

/*
 * One loop thread of the map `loop_threads`. BPF writes it without locks, because it runs in that
 * thread's own scheduler switches and polls. User space reads it to report stalls that still go on,
 * and removes it after the thread's exit record.
 */
struct loop_thread {
	__u32 tid;
	__u32 depth; /* Python frames outside the loop's poll when the loop was recognized */
	/*
	 * Fields that every poll and every switch reads, and the head of the statistics: 64 bytes,
	 * and one cache line for the first values of the array, because 312 bytes come before them
	 * (struct bpf_array, Linux 6.18). The thread's own CPU writes here all the time, so fields
	 * that other CPUs read are elsewhere.
	 */
	/* when the poll returned: start of the present iteration; 0: in no iteration */
	__u64 return_ns;
	__u64 iteration; /* number of the present one */
	__s32 epfd;
	__u32 pid;
	__u8 off; /* enum off_cpu */
	__u8 dirty; /* the present iteration has left data to reset */
	__u8 verified; /* 0: only the scheduler has seen epfd, so its role is unknown */
	__u8 exited;
	__u8 open_start; /* the iteration began before aiotrace attached */
	__u8 polled; /* in this iteration only the entry of the poll was seen: see leaves_in_poll */
	__u8 kind; /* enum loop_kind */
	__u8 in_probe; /* enum in_probe */
	struct loop_stats stats;

	__u64 tstate; /* PyThreadState; 0: not found */
	__u64 epoll_file; /* struct file of the loop's epoll */
	__u64 off_ns; /* when it left the CPU */
	__u64 wake_ns; /* when it became runnable again; 0: not yet */
	__u32 awaits_wakeup; /* off is OFF_BLOCKED; read by the CPU that wakes the thread */
	__u32 throttled; /* woken into a control group without quota */
	__u64 task; /* last task and coroutine that were reported, and the iteration */
	__u64 coroutine;
	__u64 task_iteration;
	__u64 away_ns; /* off-CPU time so far in the present iteration */
	__u64 unseen_ns; /* part of the present iteration before aiotrace attached */
	__u64 sampled_ns; /* on a CPU in the present iteration, up to its last sample */
	__u64 gc_stack; /* likewise */
	__u64 fine_ns; /* time of the last sample of the fine clock */
	__u64 tstate_retry_ns; /* no search for a thread state before this time */
	struct wait wait;
	struct cause_time causes[CAUSE_SLOTS]; /* by enum cause */
	__u32 samples; /* reported in this iteration */
	__u32 losses;
	__u16 in_select; /* EPFD_SELECT: the select or poll entered last is the loop's own */
	__u16 foreign; /* no interpreter of its process had a state for it: a thread of a C++ library */
	__u32 has_task; /* the wait or sample belongs to `task` */
	/* 1 + the CPU on which it became runnable; 0: it is not runnable, see ready_threads */
	__u32 ready_cpu;
	/*
	 * The thread was found outside of any wait at the attach and has not been seen since. No
	 * switch-out was seen either. So if its next event is a switch-in, it was runnable all the
	 * time.
	 */
	__u8 found_ready;
	__u8 gc; /* enum whose_gc, last value seen */
	__u16 gc_depth; /* GC_OWN: of the stack when it was seen first */
	/*
	 * How many others the present iteration delays: 1 + their number, 0: unknown. See
	 * bpf/held_up.bpf.c.
	 */
	__u32 ready; /* highest number of ready callbacks */
	__u32 timers; /* timers that are due when it ends */
	__u64 timers_late_ns; /* how late the first of them is */
};

ABI_ASSERT_SIZE(struct wait, 96);
ABI_ASSERT_SIZE(struct loop_thread,
		8 + 32 + sizeof(struct loop_stats) + 14 * 8 + 96 + 32 * CAUSE_SLOTS + 24 + 16);
#ifdef __cplusplus
static_assert(CAUSE_MAX <= CAUSE_SLOTS);
#else
_Static_assert(CAUSE_MAX <= CAUSE_SLOTS, "each cause has its slot");
#endif

#endif
