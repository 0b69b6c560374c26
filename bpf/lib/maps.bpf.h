/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_MAPS_BPF_H
#define AIOTRACE_LIB_MAPS_BPF_H

/* The maps, defined in bpf/maps.bpf.c and shared by all programs. */
#include "lib/kernel.bpf.h"

#include "abi/config.h"
#include "abi/records.h"
#include "abi/thread.h"

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20); /* bytes; the user side may set another size */
};

struct processes_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* Preallocated, as perf_event programs need it before 6.1; the user side may set more. */
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, struct process_config);
};

/*
 * Loop threads by slot, at most 65535; find_thread() finds one. It is an array, because a look-up
 * takes three instructions, and every poll and every switch makes one.
 */
struct loop_threads_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct loop_thread);
};

/* Slots in use, by tid. A thread is known if it is in this map. */
struct thread_slots_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tid */
	__type(value, __u32);
};

/* Free slots. User space fills the list, and adds the slots of threads that ended. */
struct free_slots_map {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1024);
	__type(value, __u32);
};

struct losses_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
};

/* System calls by number, filled in by user space; see SYSCALL_CLASS and SYSCALL_PATH. */
struct syscalls_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALL_TABLE_SIZE);
	__type(key, __u32);
	__type(value, __u16);
};

/* A large value of zeros: new entries of `loop_threads` are copied from it. */
struct blank_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct loop_thread);
};

/* The last runs on each CPU: see bpf/runs.bpf.c. */
struct cpu_runs {
	/*
	 * runs so far; the next one goes into run[count % RUNS_MAX], and again RUNS_MAX further on:
	 */
	__u32 count;
	__u32 pad;
	/* so the last ones are always adjacent, wherever they begin */
	struct run run[2 * RUNS_MAX];
};

struct runs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* user space sets the number of CPUs */
	__type(key, __u32);
	__type(value, struct cpu_runs);
};

extern struct runs_map runs SEC(".maps");
extern struct blank_map blank SEC(".maps");
extern struct ring_map ring SEC(".maps");
extern struct processes_map processes SEC(".maps");
extern struct loop_threads_map loop_threads SEC(".maps");
extern struct thread_slots_map thread_slots SEC(".maps");
extern struct free_slots_map free_slots SEC(".maps");
extern struct losses_map losses SEC(".maps");
extern struct syscalls_map syscalls SEC(".maps");

/* In rodata: the verifier sees constants, so disabled features cost nothing. */
extern const volatile struct session_config session;

/*
 * Indexed by tid (tgid) modulo 65536; 0: no thread (process) with such a number is traced. Every
 * program reads this first, so the other processes of the machine cost only one load. Entries are
 * never cleared; a stale entry only costs a look-up in a map. `traced_tid` also has the slot of the
 * thread that was added last: see TID_ENTRY.
 */
#define PID_FILTER_SIZE 65536
extern __u32 traced_tid[PID_FILTER_SIZE];
extern __u8 traced_tgid[PID_FILTER_SIZE];

/*
 * The run is over: new threads are not added, and known threads are not found any more. See
 * Probe::stop().
 */
extern __u32 stopped;

/*
 * Number of traced threads that are runnable inside an iteration and do not run. While it is 0,
 * runs are not recorded.
 */
extern __u32 ready_threads;

#define PID_SLOT(pid) ((__u32)(pid) & (PID_FILTER_SIZE - 1))

static __always_inline struct loop_thread *find_thread(__u32 tid)
{
	__u32 entry = traced_tid[PID_SLOT(tid)], slot = TID_ENTRY_SLOT(entry), *known;

	if (!entry)
		return NULL;
	if (!TID_ENTRY_IS_OF(entry, tid)) {
		known = bpf_map_lookup_elem(&thread_slots, &tid);
		if (!known)
			return NULL;
		slot = *known;
	}
	return bpf_map_lookup_elem(&loop_threads, &slot);
}

#endif
