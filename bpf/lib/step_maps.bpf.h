/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_STEP_MAPS_BPF_H
#define AIOTRACE_LIB_STEP_MAPS_BPF_H

/*
 * Common parts of the programs of `awaits --exact`: their maps, and functions that read the target.
 */
#include "lib/bounds.bpf.h"
#include "lib/compat.bpf.h"
#include "abi/steps.h"

#define MAX_TASKS 65536
#define MAX_SITES 4096
#define MAX_GROUPS 1024

const volatile struct step_config config = {};

/*
 * Awaits that begin and end between these times are counted. CLOCK_MONOTONIC; user space sets them.
 */
__u64 window_begin = ~0ull;
__u64 window_end = ~0ull;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32); /* tid */
	__type(value, struct step_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u64); /* root coroutine */
	__type(value, struct step_task);
} tasks SEC(".maps");

/* When a future got its result, or a task was created or ended. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u64); /* future or task */
	__type(value, __u64);
} ready SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SITES);
	__type(key, __u64);
	__type(value, struct chain_state);
} chains SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SITES);
	__type(key, struct step_key);
	__type(value, struct step_stats);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_GROUPS);
	__type(key, struct group_key);
	__type(value, struct step_stats);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEP_LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} step_losses SEC(".maps");

/* Never written: new entries are copied from it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct step_thread);
} blank_thread SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct step_stats);
} blank_stats SEC(".maps");

static __always_inline void lose(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&step_losses, &which);

	if (counter)
		(*counter)++;
}

static __always_inline __u64 read_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __s32 read_s32(__u64 address)
{
	__s32 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __s8 read_s8(__u64 address)
{
	__s8 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __u64 untagged(__u64 reference)
{
	return config.layout.flags & PY_TAGGED_REFS ? reference & ~3ull : reference;
}

static __always_inline __u64 type_of(__u64 object)
{
	return read_u64(object + config.layout.obj_type);
}

#define V3_10 0x030a0000
#define V3_11 0x030b0000
#define V3_12 0x030c0000
#define V3_13 0x030d0000
#define V3_15 0x030f0000

static __always_inline struct step_thread *thread_of(__u32 tid)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u32 zero = 0;

	if (t)
		return t;
	t = bpf_map_lookup_elem(&blank_thread, &zero);
	if (!t || bpf_map_update_elem(&threads, &tid, t, BPF_NOEXIST))
		lose(STEP_LOSS_THREADS_FULL);
	return bpf_map_lookup_elem(&threads, &tid);
}

#endif
