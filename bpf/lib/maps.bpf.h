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
 * Loop threads by slot, at most 65535; find_thread() finds one. An array, because its
 * look-up is three instructions: every poll and every switch makes one.
 */
struct loop_threads_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct loop_thread);
};

/* The slots in use. A thread is there when it is here. */
struct thread_slots_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tid */
	__type(value, __u32);
};

/* The others: filled by user space, which also gives back those of threads that ended. */
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

/* Large, and zero: what a new entry of `loop_threads` is copied from. */
struct blank_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct loop_thread);
};

/* The last runs on each CPU: see bpf/runs.bpf.c. */
struct cpu_runs {
	__u32 count; /* so far; the next goes into run[count % RUNS_MAX], and again RUNS_MAX further on: */
	__u32 pad;
	struct run run[2 * RUNS_MAX]; /* so the last ones lie in a row, wherever they begin */
};

struct runs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the user side sets the number of CPUs */
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

/* In rodata: a constant for the verifier, so what is off costs nothing. */
extern const volatile struct session_config session;

/*
 * By a number modulo 65536: 0 says that no thread (process) with such a number is traced.
 * The first look of every program, so that the rest of the machine pays for one load. What
 * is set is never cleared: it only costs a look into a map. `traced_tid` also has the
 * slot of the thread that was met last: see TID_ENTRY.
 */
#define PID_FILTER_SIZE 65536
extern __u32 traced_tid[PID_FILTER_SIZE];
extern __u8 traced_tgid[PID_FILTER_SIZE];

/* The run is over: nobody is met any more. Who is known is not found any more, see Probe::stop(). */
extern __u32 stopped;

/* How many traced threads are ready to run, inside an iteration, and do not: while it is 0 nobody's runs are kept. */
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
