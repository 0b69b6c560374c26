// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * All maps and global data, in one file that is linked first: the static linker of libbpf 1.1
 * leaves offset 0 in references to a map that it saw as extern before its definition.
 */
#include "lib/held_up.bpf.h"
#include "lib/native.bpf.h"
#include "lib/profile.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/share.bpf.h"
#include "lib/walk.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ring_map ring SEC(".maps");
struct processes_map processes SEC(".maps");
struct loop_threads_map loop_threads SEC(".maps");
struct thread_slots_map thread_slots SEC(".maps");
struct free_slots_map free_slots SEC(".maps");
struct losses_map losses SEC(".maps");
struct syscalls_map syscalls SEC(".maps");
struct runs_map runs SEC(".maps");
struct blank_map blank SEC(".maps");
struct scratch_map scratch SEC(".maps");
struct code_class_map codes SEC(".maps");
struct natives_map natives SEC(".maps");
struct loop_queues_map loop_queues SEC(".maps");
struct stacks_map stacks SEC(".maps");
struct profile_threads_map profile_threads SEC(".maps");

const volatile struct session_config session = {};
const volatile struct profile_config profile = {};

__u32 traced_tid[PID_FILTER_SIZE];
__u8 traced_tgid[PID_FILTER_SIZE];
struct ring_share ring_shares[RING_SHARES];
__u32 ring_epoch;
/* Its own cache line: read at every switch of the machine. */
__u32 stopped;
__u32 ready_threads __attribute__((aligned(64)));
