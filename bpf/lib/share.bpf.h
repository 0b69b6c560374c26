/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_SHARE_BPF_H
#define AIOTRACE_LIB_SHARE_BPF_H

/*
 * Who fills the ring buffer pays for it: a process may use as much as it leaves free, so half of
 * the ring if it is alone, and each other one still finds room. (Dynamic thresholds, as switches
 * share their buffers: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998.)
 * Where the processes were chosen one by one, a process may use four times as much.
 */
#include "abi/share.h"
#include "lib/maps.bpf.h"

extern struct ring_share ring_shares[RING_SHARES];
/* Raised by user space: see struct ring_share. */
extern __u32 ring_epoch;

static __always_inline struct ring_share *share_of(__u32 pid)
{
	__u32 hash = (pid ^ session.share_seed) * 0x9e3779b1u;

	return &ring_shares[(hash >> 16) & (RING_SHARES - 1)];
}

static __always_inline void begin_epoch(struct ring_share *s, __u32 pid)
{
	__u32 epoch = ring_epoch, passed = epoch - s->epoch;

	if (s->pid != pid && !s->refused && passed > 1)
		s->pid = pid;
	if (!passed)
		return;
	s->bytes_before = passed == 1 ? s->bytes : 0;
	s->bytes = 0;
	s->epoch = epoch;
}

/*
 * Two CPUs may count at the same time and lose some bytes or refusals: the bound is a soft one.
 * (Not atomic: clang 23 makes it a fetching add, which kernels have since 5.12 only.)
 */
static __always_inline bool take_share(__u32 pid, __u64 size, __u64 waiting)
{
	struct ring_share *s = share_of(pid);
	__u64 room = session.ring_bytes - waiting;

	begin_epoch(s, pid);
	if (s->bytes + (__u64)s->bytes_before + size > session.ring_share * room)
		return false;
	s->bytes += size;
	return true;
}

static __always_inline void count_refused(__u32 pid)
{
	struct ring_share *s = share_of(pid);

	if (!s->pid)
		s->pid = pid;
	if (s->pid == pid)
		s->refused++;
}

#endif
