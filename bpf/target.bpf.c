// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * The target of a wait: the path of a file, the ends of a socket, a child. It is read while the
 * system call holds the object, so that an object that is closed a microsecond later still has a
 * name.
 */
#include "lib/bounds.bpf.h"
#include "lib/compat.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/targets.bpf.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define UNIX_PATH_MAX 108

/* steps on a path, mounts included; the parts nearer to the root are left out */
#define MAX_NAMES 40

static __always_inline void begin_target(struct scratch *s, struct loop_thread *t, __u32 kind)
{
	struct target_record *r = &s->target;

	__builtin_memset(r, 0, sizeof(*r));
	r->iteration = t->iteration;
	r->kind = kind;
	r->fd = t->wait.fd;
	r->syscall = t->wait.syscall;
}

static __always_inline void emit_target(struct scratch *s, struct loop_thread *t, __u64 bytes)
{
	struct target_record *r = &s->target;

	if (!IS_AT_MOST(bytes, TARGET_TEXT_MAX))
		bytes = TARGET_TEXT_MAX;
	r->text_bytes = bytes;
	fill_head(&r->head, RECORD_TARGET, sizeof(*r) + bytes, t->pid, t->tid, bpf_ktime_get_ns());
	if (emit(r, sizeof(*r) + bytes, LATER))
		t->losses++;
}

/* Called at the switch-out: the path is in the memory of the task that leaves. */
__noinline int send_path(__u32 tid, __u64 address)
{
	struct loop_thread *t = find_thread(tid);
	__u32 slot = SCRATCH_SWITCH;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	long bytes;

	if (!t || !s)
		return 0;
	begin_target(s, t, TARGET_IS_PATH);
	bytes = bpf_probe_read_user_str(s->target_text, TARGET_TEXT_MAX, (void *)address);
	if (bytes <= 0)
		return 0;
	emit_target(s, t, bytes);
	return 1;
}

/*
 * Called at the switch-out of a connect(): a unix socket knows its peer only when it is connected,
 * but the call has the address. An abstract name is shown with @ in place of its zero byte.
 */
__noinline int send_unix_address(__u32 tid, __u64 address, __u64 address_bytes)
{
	struct loop_thread *t = find_thread(tid);
	__u32 slot = SCRATCH_SWITCH;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 bytes = address_bytes - sizeof(__u16);
	__u16 family = 0;

	if (!t || !s || bpf_probe_read_user(&family, sizeof(family), (void *)address) ||
	    family != AF_UNIX || !bytes || !IS_AT_MOST(bytes, UNIX_PATH_MAX))
		return 0;
	begin_target(s, t, TARGET_IS_SOCKET);
	if (bpf_probe_read_user(s->target_text, bytes, (void *)(address + sizeof(family))))
		return 0;
	if (!s->target_text[0])
		s->target_text[0] = '@';
	s->target.mode = S_IFSOCK;
	s->target.family = AF_UNIX;
	s->target.socket_type = SOCK_STREAM; /* sockets of other kinds do not wait in connect() */
	s->target.text_is_peers = 1;
	emit_target(s, t, bytes);
	return 1;
}

/* At the root of a mount: continues at the mount point. 0: this is the root of everything. */
static __always_inline int leave_mount(struct scratch *s)
{
	struct mount *mount = (void *)s->path_mount;
	struct mount *above = BPF_CORE_READ(mount, mnt_parent);

	if (above == mount)
		return 0;
	s->path_dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
	s->path_mount = (__u64)above;
	return 1;
}

/* Takes one name of a path, from the file upwards; 0: that was the last one. */
__noinline int path_step(__u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct dentry *dentry, *parent;
	struct mount *mount;
	const unsigned char *name;
	__u64 at;
	long bytes;

	if (!s)
		return 0;
	if (s->path_dentry == s->path_root)
		return 0; /* of a chroot or a container */
	dentry = (void *)s->path_dentry;
	mount = (void *)s->path_mount;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent)
		return leave_mount(s);
	name = BPF_CORE_READ(dentry, d_name.name);
	at = s->path_bytes;
	if (!IS_AT_MOST(at, TARGET_TEXT_MAX - 1))
		return 0;
	bytes = bpf_probe_read_kernel_str(s->target_text + at, 256, name);
	if (bytes <= 0)
		return 0;
	s->path_bytes = at + bytes;
	s->path_dentry = (__u64)parent;
	return 1;
}

static __always_inline __u32 put_file_path(struct scratch *s, __u32 slot, struct file *file,
					   __u64 root)
{
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);

	s->path_dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	s->path_mount = (__u64)mount - bpf_core_field_offset(struct mount, mnt);
	s->path_bytes = 0;
	s->path_root = root;
	for (int i = 0; i < MAX_NAMES; i++) {
		if (!path_step(slot))
			break;
	}
	return s->path_bytes;
}

static __always_inline __u32 put_unix_path(struct scratch *s, struct sock *sk)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	struct sock *peer;
	long bytes;

	if (!address) {
		peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
		if (peer)
			address = BPF_CORE_READ((struct unix_sock *)peer, addr);
		s->target.text_is_peers = 1;
	}
	if (!address)
		return 0;
	bytes = bpf_probe_read_kernel_str(s->target_text, 108, &address->name[0].sun_path);
	return bytes > 0 ? bytes : 0;
}

static __always_inline __u32 put_socket(struct scratch *s, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct target_record *r = &s->target;

	r->kind = TARGET_IS_SOCKET;
	r->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	r->protocol = BPF_CORE_READ(sk, sk_protocol);
	r->socket_type = BPF_CORE_READ(sk, sk_type);
	if (r->family == AF_UNIX)
		return put_unix_path(s, sk);
	if (r->family != AF_INET && r->family != AF_INET6)
		return 0;
	r->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	r->peer_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (r->family == AF_INET) {
		__u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__u32 peer = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(r->local, &local, sizeof(local));
		__builtin_memcpy(r->peer, &peer, sizeof(peer));
	} else {
		BPF_CORE_READ_INTO(&r->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->peer, sk, __sk_common.skc_v6_daddr);
	}
	return 0;
}

/* Called at the switch-in after a long wait: the file of the system call that continues. */
__noinline int send_file(__u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	__u32 slot = SCRATCH_SWITCH, bytes;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct inode *inode;
	struct file *file;

	if (!t || !s || !t->wait.object)
		return 0;
	file = (void *)t->wait.object;
	begin_target(s, t, TARGET_IS_FILE);
	inode = BPF_CORE_READ(file, f_inode);
	s->target.mode = BPF_CORE_READ(inode, i_mode);
	s->target.inode = BPF_CORE_READ(inode, i_ino);
	if ((s->target.mode & S_IFMT) == S_IFSOCK) {
		bytes = put_socket(s, file);
	} else {
		s->target.deleted = BPF_CORE_READ(inode, i_nlink) == 0;
		bytes = put_file_path(s, slot, file, t->wait.root);
	}
	emit_target(s, t, bytes);
	return 1;
}

#define MAX_CHILDREN 64
#define P_PID 1

/*
 * Looks at one child of the waiting task, the newest first; 0: it is the wanted one, or it was the
 * last.
 */
__noinline int child_step(__u32 slot, __u64 end, __s32 wanted)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct task_struct *child;
	struct list_head *at;
	struct pid *pid;
	__u32 level;
	int number = 0;

	if (!s || !s->child_link || s->child_link == end)
		return 0;
	at = (void *)s->child_link;
	child = (void *)((char *)at - bpf_core_field_offset(struct task_struct, sibling));
	if (!s->child)
		s->child = (__u64)child;
	pid = BPF_CORE_READ(child, thread_pid);
	level = BPF_CORE_READ(pid, level);
	/* Its pid in its own namespace, which is the number that its parent uses. */
	bpf_probe_read_kernel(&number, sizeof(number),
			      (char *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (level & 31) * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, nr));
	if (number == wanted) {
		s->child = (__u64)child;
		return 0;
	}
	s->child_link = (__u64)BPF_CORE_READ(at, prev);
	return 1;
}

/* The child that a thread waits for: the pid that the call names, else the newest child. */
__noinline int send_child(__u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct task_struct *task, *child;
	__u32 slot = SCRATCH_SWITCH;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct list_head *head;
	__s32 wanted = -1;

	if (!t || !s || !t->wait.object)
		return 0;
	task = (void *)t->wait.object;
	if (t->wait.syscall == NR_wait4)
		wanted = t->wait.args[0];
	else if (t->wait.syscall == NR_waitid && t->wait.args[0] == P_PID)
		wanted = t->wait.args[1];
	head = (void *)((char *)task + bpf_core_field_offset(struct task_struct, children));
	s->child = 0;
	s->child_link = (__u64)BPF_CORE_READ(head, prev);
	for (int i = 0; i < MAX_CHILDREN; i++) {
		if (!child_step(slot, (__u64)head, wanted))
			break;
	}
	child = (void *)s->child;
	if (!child)
		return 0;
	begin_target(s, t, TARGET_IS_CHILD);
	s->target.child_pid = BPF_CORE_READ(child, tgid);
	BPF_CORE_READ_INTO(&s->target.comm, child, comm);
	emit_target(s, t, 0);
	return 1;
}
