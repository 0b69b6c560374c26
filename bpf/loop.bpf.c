// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * The entry of a poll, seen in one of three ways: the system call's tracepoint, fentry on
 * the system call, a uprobe on the C library's wrapper. There is no probe on the return:
 * a poll returned at the later of its entry and the thread's last switch-in inside it.
 */
#include "lib/compat.bpf.h"
#include "lib/fdtarget.bpf.h"
#include "lib/new_thread.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/python_calls.bpf.h"

/*
 * Whether the poll on `epfd` is the loop's own wait, or a poll inside a callback (of a synchronous
 * client). The Python stack shows where asyncio runs the loop. Without such frames (uvloop, other
 * programs), a poll is inside a callback if its stack is deeper than at the loop's poll, and the
 * loop's epoll is still the same open file.
 */
static __always_inline int is_loop_poll(struct loop_thread *t, __s32 epfd, __u32 verdict,
					__u32 depth, struct task_struct *task)
{
	if (verdict == VERDICT_LOOP)
		return 1;
	if (verdict == VERDICT_NESTED)
		return 0;
	if (t->epfd < 0 || t->epfd == epfd || !t->verified)
		return 1;
	if (t->kind != LOOP_PLAIN && depth <= t->depth)
		return 1;
	return (__u64)file_of(task, t->epfd) != t->epoll_file;
}

/*
 * The thread's entry; a new one if it has none, or if the entry belongs to an earlier thread with
 * the same tid.
 */
static __always_inline struct loop_thread *present_thread(struct loop_thread *t, __u32 pid,
							  __u32 tid)
{
	return t && !t->exited ? t : new_thread(pid, tid);
}

/*
 * Called for a poll on an epoll that is not known as this thread's loop: decides what the poll is.
 */
__noinline int decide_poll(__u32 pid, __u32 tid, __s32 epfd)
{
	struct loop_thread *t = find_thread(tid);
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	__u32 slot = SCRATCH_POLL, verdict = VERDICT_NONE, depth = 0;
	struct task_struct *task = current_task();
	__u64 now = bpf_ktime_get_ns();

	t = present_thread(t, pid, tid);
	if (!t)
		return 0;
	if (t->off != OFF_NOT)
		come_back_unseen(tid, now);
	if (p && p->flags & PROCESS_PYTHON) {
		__u64 thread_pointer = thread_pointer_of(task);
		struct scratch *s;

		if (walk_thread(slot, pid, tid, t->tstate, thread_pointer) <= 0) {
			t->tstate = find_tstate(slot, pid, thread_pointer);
			walk_thread(slot, pid, tid, t->tstate, thread_pointer);
		}
		s = bpf_map_lookup_elem(&scratch, &slot);
		if (s && s->owner != tid)
			/* another thread used the scratch meanwhile: the next poll decides */
			return 0;
		if (s && s->count) {
			depth = s->count;
			verdict = s->verdict;
		}
	}
	if (!is_loop_poll(t, epfd, verdict, depth, task))
		return 0;
	if (t->return_ns && (t->verified || t->open_start || t->epfd == epfd)) {
		if (t->epfd < 0)
			t->epfd = epfd;
		end_iteration(t, now, 0);
	}
	t->epfd = epfd;
	t->epoll_file = (__u64)file_of(task, epfd);
	t->kind = verdict == VERDICT_LOOP ? LOOP_ASYNCIO : depth ? LOOP_PYTHON : LOOP_PLAIN;
	t->depth = depth;
	t->verified = 1;
	t->polled = 1;
	reset_iteration(t);
	t->open_start = 0;
	t->return_ns = now;
	send_loop(tid, now);
	return 0;
}

static __always_inline void enter_probe(struct loop_thread *t)
{
	*(volatile __u8 *)&t->in_probe = PROBE_RUNS;
}

/* The time in which other threads ran is not part of the iteration that begins. */
static __always_inline void leave_probe(struct loop_thread *t)
{
	if (*(volatile __u8 *)&t->in_probe == PROBE_INTERRUPTED && t->return_ns)
		t->return_ns = bpf_ktime_get_ns();
	*(volatile __u8 *)&t->in_probe = PROBE_NOT;
}

/*
 * Every poll of every process on the machine calls this, so the usual cases come first. A poll of a
 * known loop costs one look-up.
 */
static __always_inline void on_poll(__s32 epfd)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = (__u32)id;
	struct loop_thread *t;

	if (traced_tid[PID_SLOT(tid)]) {
		t = find_thread(tid);
		if (t && t->epfd == epfd && t->verified && !t->exited) {
			__u64 now;

			enter_probe(t);
			now = bpf_ktime_get_ns();
			if (t->off != OFF_NOT)
				come_back_unseen(tid, now);
			note_held_up(t, now);
			end_iteration(t, now, 0);
			t->polled = 1;
			leave_probe(t);
			return;
		}
		if (t && t->pid == pid) {
			enter_probe(t);
			decide_poll(pid, tid, epfd);
			leave_probe(t);
			return;
		}
	}
	if (!session.trace_all) {
		if (!traced_tgid[PID_SLOT(pid)] || !bpf_map_lookup_elem(&processes, &pid))
			return;
	} else {
		struct process_config *p = bpf_map_lookup_elem(&processes, &pid);

		if (stopped || pid == session.own_pid || (p && p->flags & PROCESS_IGNORED))
			return;
	}
	decide_poll(pid, tid, epfd);
}

/*
 * A select or poll: asyncio's own wait on a SelectSelector or PollSelector, or something inside a
 * callback. No descriptor identifies it, so the stack is walked each time. Threads whose loop is on
 * an epoll return before this.
 */
__noinline int decide_select(__u32 pid, __u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	__u64 thread_pointer = thread_pointer_of(current_task());
	__u32 slot = SCRATCH_POLL;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 tstate, now = bpf_ktime_get_ns();

	if (!p || !s || !(p->flags & PROCESS_PYTHON))
		return 0;
	tstate = t ? t->tstate : 0;
	if (walk_thread(slot, pid, tid, tstate, thread_pointer) <= 0) {
		tstate = find_tstate(slot, pid, thread_pointer);
		walk_thread(slot, pid, tid, tstate, thread_pointer);
	}
	if (t)
		t->in_select = 0;
	if (s->owner != tid)
		return 0;
	if (s->verdict != VERDICT_LOOP)
		return 0;
	t = present_thread(t, pid, tid);
	if (!t)
		return 0;
	t->tstate = tstate;
	t->in_select = 1;
	if (t->off != OFF_NOT)
		come_back_unseen(tid, now);
	if (t->return_ns && (t->verified || t->open_start)) {
		note_held_up(t, now);
		end_iteration(t, now, 0);
	}
	t->return_ns = now;
	t->open_start = 0;
	t->polled = 1;
	if (t->verified && t->epfd == EPFD_SELECT)
		return 0;
	t->epfd = EPFD_SELECT;
	t->epoll_file = 0;
	t->kind = LOOP_ASYNCIO;
	t->verified = 1;
	reset_iteration(t);
	send_loop(tid, now);
	return 0;
}

static __always_inline void on_select(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = (__u32)id;

	if (traced_tid[PID_SLOT(tid)]) {
		struct loop_thread *t = find_thread(tid);

		if (t && t->verified && t->epfd >= 0)
			return;
	}
	if (traced_tgid[PID_SLOT(pid)])
		decide_select(pid, tid);
}

/*
 * The fields of the syscalls/sys_enter_* tracepoints: the number has 4 bytes, the 4 bytes behind it
 * are undefined.
 */
struct sys_enter_args {
	__u64 common;
	__s32 nr;
	__u32 pad;
	__u64 args[6];
};

static __always_inline __s32 epfd_of(__u64 *ctx)
{
	struct call call = {};

	bpf_probe_read_kernel(&call, sizeof(call), call_in((const struct saved_regs *)ctx[0]));
	return call.argument;
}

/*
 * One program for the entries of epoll_wait, epoll_pwait, epoll_pwait2, and of select, pselect6,
 * poll and ppoll: so that the functions that they call are verified once.
 */
SEC("tracepoint")
int handle_enter_poll(struct sys_enter_args *ctx)
{
	if (is_epoll(ctx->nr))
		on_poll(ctx->args[0]);
	else
		on_select();
	return 0;
}

/*
 * The same for machines where tracefs is not available (CAP_SYS_ADMIN is needed to mount it). Every
 * system call of the machine calls this, which costs some tens of nanoseconds.
 */
SEC("tp_btf/sys_enter")
int handle_sys_enter(__u64 *ctx)
{
	if (is_epoll(ctx[1]))
		on_poll(epfd_of(ctx));
	else if (is_select(ctx[1]))
		on_select();
	return 0;
}

/*
 * The argument is a pointer to the saved registers, but Linux 5.10 has no type for it and refuses
 * access ("arg0 type FWD is not a struct"). So the registers are found through the task.
 */
static __always_inline int on_fentry(void)
{
	struct call call;

	if (!read_call(&call, current_task()))
		on_poll(call.argument);
	return 0;
}

SEC("fentry/" SYSCALL_FUNCTION("epoll_wait"))
int handle_fentry_epoll_wait(void *ctx)
{
	return on_fentry();
}

SEC("fentry/" SYSCALL_FUNCTION("epoll_pwait"))
int handle_fentry_epoll_pwait(void *ctx)
{
	return on_fentry();
}

SEC("fentry/" SYSCALL_FUNCTION("epoll_pwait2"))
int handle_fentry_epoll_pwait2(void *ctx)
{
	return on_fentry();
}

/* epoll_wait, epoll_pwait and epoll_pwait2 have the descriptor as their first argument. */
SEC("uprobe")
int handle_uprobe_epoll(struct saved_regs *ctx)
{
	on_poll(FIRST_ARGUMENT(ctx));
	return 0;
}

SEC("uprobe")
int handle_uprobe_select(void *ctx)
{
	on_select();
	return 0;
}
