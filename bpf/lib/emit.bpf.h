/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_EMIT_BPF_H
#define AIOTRACE_LIB_EMIT_BPF_H

/* Records into the ring buffer, every loss counted. */
#include "lib/share.bpf.h"

static __always_inline void count_loss(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&losses, &which);

	if (counter)
		(*counter)++;
}

static __always_inline void fill_head(struct record *head, __u16 type, __u32 size, __u32 pid,
				      __u32 tid, __u64 now)
{
	head->type = type;
	head->version = 0;
	head->size = size;
	head->pid = pid;
	head->tid = tid;
	head->time_ns = now;
}

enum urgency {
	LATER = 0, /* user space takes it with its next look */
	NOW, /* user space has to act on it, or a person waits for it */
};

/*
 * user space is woken by what is urgent, by a timer of its own, and by whatever comes when an
 * eighth of the ring is full; a wake-up for each of a thousand samples a second would cost it
 * more than all the rest.
 */
static __always_inline int emit(void *record, __u64 size, enum urgency urgency)
{
	__u64 flags = urgency == NOW ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	__u32 pid = ((struct record *)record)->pid;

	if (waiting > session.ring_bytes / 8) {
		flags = BPF_RB_FORCE_WAKEUP;
		if (!take_share(pid, size, waiting))
			goto lost;
	}
	if (!bpf_ringbuf_output(&ring, record, size, flags))
		return 0;
lost:
	count_refused(pid);
	count_loss(LOSS_RING_FULL);
	return -1;
}

#endif
