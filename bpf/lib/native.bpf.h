/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_NATIVE_BPF_H
#define AIOTRACE_LIB_NATIVE_BPF_H

/*
 * --native: a thread's registers and the top of its user stack, for unwinding in user space. They
 * are copied when the thread leaves the CPU (its memory cannot be read when it comes back) and in
 * samples, into the thread's own buffer. The buffer is sent when it is needed. Callers check
 * session.native_ns first: it is a constant, so without --native the verifier removes this code.
 */
#include "lib/maps.bpf.h"

struct native_copy {
	struct native_record record;
	__u8 stack[NATIVE_STACK_MAX];
};

/* User space creates the entries together with the thread's sampler: nothing is allocated here. */
struct natives_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* with --native user space sets more */
	__type(key, __u32); /* tid */
	__type(value, struct native_copy);
};

extern struct natives_map natives SEC(".maps");

/* Copies the current thread's registers and stack into its buffer. 1: done. */
int copy_native(__u32 tid, __u64 now);
/* Sends the buffer if it was filled at this time. 1: it was sent. */
int send_native(__u32 tid, __u64 time_ns);

#endif
