/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_TARGETS_BPF_H
#define AIOTRACE_LIB_TARGETS_BPF_H

/* Functions of bpf/target.bpf.c. Each returns 1 if it sent a target record. */
#include "lib/maps.bpf.h"

/* Of a path in user memory, at the switch-out. */
int send_path(__u32 tid, __u64 address);
/* At the switch-out of a connect() to a unix address. */
int send_unix_address(__u32 tid, __u64 address, __u64 address_bytes);
/* Of the file loop_thread.wait.object. */
int send_file(__u32 tid);
/* Of the child that the task loop_thread.wait.object waits for. */
int send_child(__u32 tid);

#endif
