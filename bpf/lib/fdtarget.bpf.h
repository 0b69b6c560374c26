/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_FDTARGET_BPF_H
#define AIOTRACE_LIB_FDTARGET_BPF_H

/*
 * The kind of file behind a task's descriptor, for the cause of a wait on it. Runs at a switch-out.
 */
#include "lib/bits.bpf.h"
#include "lib/compat.bpf.h"
#include "abi/cause.h"

static __always_inline __u64 read_user_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline struct file *file_of(struct task_struct *task, __s32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), slots + fd))
		return NULL;
	return file;
}

/* Sockets, named and anonymous pipes, files; everything else (eventfd, …) is `other`. */
static __always_inline __u32 cause_of_file(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	switch (BPF_CORE_READ(inode, i_mode) & S_IFMT) {
	case S_IFSOCK:
		return CAUSE_NETWORK;
	case S_IFREG:
	case S_IFDIR:
	case S_IFBLK:
	case S_IFCHR:
		return CAUSE_FILE;
	case S_IFIFO:
		return BPF_CORE_READ(inode, i_sb, s_magic) == PIPEFS_MAGIC ? CAUSE_PROCESS :
									     CAUSE_FILE;
	}
	return CAUSE_OTHER;
}

/* The first file that an epoll instance watches, which is the root of its tree. */
static __always_inline struct file *file_in_epoll(struct file *epoll, __s32 *fd)
{
	struct eventpoll *ep = BPF_CORE_READ(epoll, private_data);
	struct rb_node *node = BPF_CORE_READ(ep, rbr.rb_root.rb_node);
	struct epitem *item;

	if (!node)
		return NULL;
	item = (void *)((char *)node - bpf_core_field_offset(struct epitem, rbn));
	*fd = BPF_CORE_READ(item, ffd.fd);
	return BPF_CORE_READ(item, ffd.file);
}

struct user_pollfd {
	__s32 fd;
	__u32 events;
};

/* The first descriptor of a poll()'s array in user memory, -1: none. */
static __always_inline __s32 fd_in_poll(__u64 array, __u64 count)
{
	struct user_pollfd first;

	if (!count || bpf_probe_read_user(&first, sizeof(first), (void *)array))
		return -1;
	return first.fd;
}

#define FD_SET_WORDS 16 /* 1024 descriptors */

/* The lowest descriptor of a select()'s set in user memory, -1: none. */
static __always_inline __s32 fd_in_set(__u64 count, __u64 set)
{
	for (__u32 i = 0; set && i < FD_SET_WORDS && i * 64 < count; i++) {
		__u64 word = read_user_u64(set + i * 8);

		if (word)
			return i * 64 + lowest_bit(word);
	}
	return -1;
}

#endif
