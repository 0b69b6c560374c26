/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_PROFILE_BPF_H
#define AIOTRACE_LIB_PROFILE_BPF_H

/*
 * Maps that a profile has in addition to the maps of all commands; created for that command only.
 */
#include "lib/maps.bpf.h"

#include "abi/profile.h"

struct profile_threads_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* as loop_threads */
	__type(key, __u32); /* tid */
	__type(value, struct profile_thread);
};

extern struct profile_threads_map profile_threads SEC(".maps");

extern const volatile struct profile_config profile;

#endif
