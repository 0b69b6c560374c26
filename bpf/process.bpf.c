// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* The life of the traced processes and threads: exec, fork, exit. */
#include "lib/compat.bpf.h"
#include "lib/fdtarget.bpf.h"
#include "lib/iteration.bpf.h"
#include "lib/offcpu.bpf.h"

static __always_inline int is_traced(__u32 pid)
{
	return traced_tgid[PID_SLOT(pid)] && bpf_map_lookup_elem(&processes, &pid);
}

/* A thread that ends inside an iteration leaves a stall that nothing else would report. */
static __always_inline void end_thread(__u32 tid, __u32 pid, __u64 now)
{
	struct loop_thread *t;
	struct exit_record r = {};

	if (!traced_tid[PID_SLOT(tid)])
		return;
	t = find_thread(tid);
	if (!t || t->pid != pid || t->exited)
		return;
	/*
	 * The thread runs, so a wait without an end is over now. Without this, its time would count
	 * as CPU time.
	 */
	if (t->return_ns && (t->off == OFF_RUNNABLE || t->off == OFF_BLOCKED))
		come_back_unseen(tid, now);
	/* The last iteration of a loop that was closed before has already ended. */
	if (t->return_ns && (t->verified || t->open_start) &&
	    (!t->verified || (__u64)file_of(current_task(), t->epfd) == t->epoll_file))
		end_iteration(t, now, ITERATION_EXITED);
	t->exited = 1;
	fill_head(&r.head, RECORD_THREAD_EXIT, sizeof(r), pid, tid, now);
	emit(&r, sizeof(r), NOW);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(handle_process_exit, struct task_struct *task)
{
	__u32 pid = task->tgid, tid = task->pid;
	__u64 now = bpf_ktime_get_ns();
	struct exit_record r = {};

	end_thread(tid, pid, now);
	/* signal->live has been counted down already: 0 is the last thread. */
	if (BPF_CORE_READ(task, signal, live.counter) || !is_traced(pid))
		return 0;
	fill_head(&r.head, RECORD_PROCESS_EXIT, sizeof(r), pid, tid, now);
	r.exit_code = BPF_CORE_READ(task, exit_code);
	emit(&r, sizeof(r), NOW);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(handle_process_exec, struct task_struct *task, int old_pid)
{
	__u32 pid = task->tgid;
	struct process_config *p;
	struct exec_record r = {};

	if (!traced_tgid[PID_SLOT(pid)])
		return 0;
	p = bpf_map_lookup_elem(&processes, &pid);
	if (!p)
		return 0;
	end_thread(old_pid, pid, bpf_ktime_get_ns());
	/* Data about the old memory is no longer valid. */
	p->flags = (p->flags & ~PROCESS_PYTHON) | PROCESS_DEAD;
	fill_head(&r.head, RECORD_EXEC, sizeof(r), pid, task->pid, bpf_ktime_get_ns());
	bpf_get_current_comm(r.comm, sizeof(r.comm));
	emit(&r, sizeof(r), NOW);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(handle_process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = parent->tgid;
	struct fork_record r = {};

	if (child->tgid == pid || !is_traced(pid))
		return 0;
	if (session.follow) {
		__u32 child_pid = child->tgid;
		struct process_config *p = bpf_map_lookup_elem(&processes, &pid);

		/*
		 * The child shares its parent's memory until it calls exec. No stall of it needs
		 * user space before that.
		 */
		if (p && !bpf_map_update_elem(&processes, &child_pid, p, BPF_NOEXIST))
			traced_tgid[PID_SLOT(child_pid)] = 1;
	}
	fill_head(&r.head, RECORD_FORK, sizeof(r), pid, parent->pid, bpf_ktime_get_ns());
	r.child_pid = child->tgid;
	r.child_tid = child->pid;
	emit(&r, sizeof(r), NOW);
	return 0;
}
