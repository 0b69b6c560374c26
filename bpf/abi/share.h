/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_SHARE_H
#define AIOTRACE_ABI_SHARE_H

#include <linux/types.h>

/*
 * What one process has put into a ring buffer that is filling: see bpf/lib/share.bpf.h. An epoch
 * ends when user space has taken all that lay in the ring at its begin: what lies there now is
 * from this epoch or the one before.
 */
struct ring_share {
	__u32 pid; /* 0: nobody's */
	__u32 epoch; /* of `bytes` */
	__u32 bytes;
	__u32 bytes_before; /* in the epoch before */
	__u64 refused; /* records, since the begin; written by BPF only */
};

/* By a hash of the pid; two processes at one place share what one may have. 96 kB. */
#define RING_SHARES 4096

#endif
