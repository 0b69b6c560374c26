// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Loop threads off and on the CPU: exact blocked and runnable time, the poll's return, and the
 * reason of each wait. The reason is read when the thread goes to sleep, because its memory cannot
 * be read at its switch-in.
 *
 * CONTEXT: the run queue's lock is held and interrupts are off. Nothing here may sleep or take
 * long; for every other thread of the machine this costs two loads.
 */
#include "lib/compat.bpf.h"
#include "lib/fdtarget.bpf.h"
#include "lib/gc.bpf.h"
#include "lib/native.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/targets.bpf.h"
#include "lib/waits.bpf.h"

/*
 * The cause of a wait for this file. Records the target in `w`, to be reported if the wait is long.
 */
static __always_inline __u32 cause_of_waited(struct wait *w, struct task_struct *task,
					     struct file *file)
{
	__u32 cause = cause_of_file(file);

	if (cause == CAUSE_PROCESS) {
		w->object = (__u64)task;
		w->target = TARGET_CHILD;
	} else if (cause == CAUSE_FILE || cause == CAUSE_NETWORK) {
		w->object = (__u64)file;
		w->root = (__u64)BPF_CORE_READ(task, fs, root.dentry);
		w->target = TARGET_FILE;
	}
	return cause;
}

/* A function of its own, so that the verifier checks its loop once. */
__noinline int fd_in_user_set(__u64 count, __u64 set)
{
	return fd_in_set(count, set);
}

static __always_inline __s32 fd_in_sets(__u64 count, __u64 readable, __u64 writable, __u64 failed)
{
	__s32 fd = fd_in_user_set(count, readable);

	if (fd < 0)
		fd = fd_in_user_set(count, writable);
	if (fd < 0)
		fd = fd_in_user_set(count, failed);
	return fd;
}

/*
 * poll, select and epoll inside a callback: the cause is that of the descriptor that they wait for.
 */
static __always_inline __u32 cause_of_poll(struct task_struct *task, struct wait *w)
{
	struct file *file;

	switch (w->syscall) {
	case NR_poll:
	case NR_ppoll:
		if (!w->args[1])
			return CAUSE_SLEEP;
		w->fd = fd_in_poll(w->args[0], w->args[1]);
		break;
	case NR_select:
	case NR_pselect6:
		if (!w->args[0])
			return CAUSE_SLEEP;
		w->fd = fd_in_sets(w->args[0], w->args[1], w->args[2], w->args[3]);
		if (w->fd < 0)
			return CAUSE_SLEEP;
		break;
	default:
		file = file_of(task, w->args[0]);
		if (!file)
			return CAUSE_OTHER;
		file = file_in_epoll(file, &w->fd);
		return file ? cause_of_waited(w, task, file) : CAUSE_SLEEP;
	}
	file = file_of(task, w->fd);
	return file ? cause_of_waited(w, task, file) : CAUSE_OTHER;
}

/*
 * Whether the futex is inside the interpreter's GIL. If so, the holder is stored in `w`. It is not
 * a separate function for the verifier, because the holder's code objects are already eight calls
 * deep (MAX_CALL_FRAMES).
 */
static __always_inline int wait_for_gil(__u32 pid, __u32 tid)
{
	struct process_config *p = bpf_map_lookup_elem(&processes, &pid);
	struct loop_thread *t = find_thread(tid);
	const struct py_layout *l;
	struct wait *w;
	__u64 gil;

	if (!p || !t || !(p->flags & PROCESS_PYTHON) || !t->tstate)
		return 0;
	l = &p->layout;
	w = &t->wait;
	gil = gil_of(p, t->tstate);
	if (!gil || w->args[0] < gil + l->gil_cond ||
	    w->args[0] >= gil + l->gil_mutex + 2 * MUTEX_BYTES + CONDITION_BYTES)
		return 0;
	note_others_gc(t, p);
	if ((__u32)read_u64(gil + l->gil_locked) != 1)
		return 1;
	w->holder_tstate = read_u64(gil + l->gil_last_holder);
	/*
	 * take_gil() locks the GIL before it stores the holder: until then the stored holder is the
	 * previous one (ceval_gil.h).
	 */
	if (w->holder_tstate == t->tstate)
		w->holder_tstate = 0;
	if (w->holder_tstate) {
		__u64 pthread = read_u64(w->holder_tstate + l->ts_thread_id);
		__u32 slot = SCRATCH_SWITCH;
		struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

		/* User space verifies it. */
		bpf_probe_read_user(&w->holder_tid, sizeof(w->holder_tid),
				    (void *)(pthread + PTHREAD_TID));
		if (walk_other(slot, pid, tid, w->holder_tstate) && s)
			w->holder_stack = s->hash;
	}
	return 1;
}

__noinline int cause_of_wait(__u32 tid, __u32 state)
{
	struct loop_thread *t = find_thread(tid);
	struct task_struct *task = current_task(); /* still the task that leaves the CPU */
	struct wait *w;
	struct file *file;
	__u32 number, path;
	__u16 *entry;

	if (!t)
		return CAUSE_OTHER;
	w = &t->wait;
	number = w->syscall;
	if (state & (TASK_STATE_STOPPED | TASK_STATE_TRACED | TASK_STATE_FROZEN))
		return CAUSE_STOPPED;
	if (w->syscall < 0)
		return CAUSE_FAULT;
	entry = bpf_map_lookup_elem(&syscalls, &number);
	if (!entry)
		return CAUSE_OTHER;
	switch (SYSCALL_CLASS(*entry)) {
	case SYSCALL_SLEEP:
		return CAUSE_SLEEP;
	case SYSCALL_FILE:
		path = SYSCALL_PATH(*entry);
		if (path) {
			if (send_path(tid, w->args[(path - 1) & 3]))
				w->target = TARGET_SENT;
			return CAUSE_FILE;
		}
		w->fd = w->args[0];
		file = file_of(task, w->fd);
		if (file)
			cause_of_waited(w, task, file);
		return CAUSE_FILE;
	case SYSCALL_NETWORK:
		w->fd = w->args[0];
		if (w->syscall == NR_connect && send_unix_address(tid, w->args[1], w->args[2])) {
			w->target = TARGET_SENT;
			return CAUSE_NETWORK;
		}
		file = file_of(task, w->fd);
		if (file)
			cause_of_waited(w, task, file);
		return CAUSE_NETWORK;
	case SYSCALL_PROCESS:
		w->object = (__u64)task;
		w->target = TARGET_CHILD;
		return CAUSE_PROCESS;
	case SYSCALL_FUTEX:
		return wait_for_gil(t->pid, tid) ? CAUSE_GIL : CAUSE_LOCK;
	case SYSCALL_POLL:
		return cause_of_poll(task, w);
	case SYSCALL_FD:
		w->fd = w->args[0];
		file = file_of(task, w->fd);
		return file ? cause_of_waited(w, task, file) : CAUSE_OTHER;
	}
	return CAUSE_OTHER;
}

/* Records the place in the program where the thread waits, and its task. */
__noinline int take_wait_stack(__u32 pid, __u32 tid)
{
	__u32 slot = SCRATCH_SWITCH;
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 thread_pointer = thread_pointer_of(current_task());
	int frames;

	if (!t || !s)
		return 0;
	frames = walk_thread(slot, pid, tid, t->tstate, thread_pointer);
	if (frames == WALK_NO_PYTHON)
		return 0;
	if (!frames && search_state_again(slot, pid, tid, t->off_ns))
		frames = walk_thread(slot, pid, tid, t->tstate, thread_pointer);
	if (has_left_loop(slot, tid))
		return 0;
	if (frames <= 0) {
		/* An interpreter that ends has no frames after its loop: that time is not reported. */
		if (t->return_ns && !t->foreign)
			count_loss(LOSS_THREAD_UNKNOWN);
		return 0;
	}
	t->wait.stack_id = s->hash;
	t->has_task = send_running_task(slot, pid, tid);
	return 0;
}

/*
 * Records the system call of the thread that leaves the CPU. The registers take 168 bytes, so they
 * are not in the stack frame of a function that calls others.
 */
__noinline int begin_wait(__u32 tid)
{
	struct loop_thread *t = find_thread(tid);
	struct saved_regs regs;
	struct wait *w;

	if (!t || read_saved_regs(&regs, current_task()))
		return 0;
	w = &t->wait;
	__builtin_memset(w, 0, sizeof(*w));
	w->args[0] = call_argument(&regs, 0);
	w->args[1] = call_argument(&regs, 1);
	w->args[2] = call_argument(&regs, 2);
	w->args[3] = call_argument(&regs, 3);
	w->syscall = saved_call_number(&regs);
	w->fd = -1;
	t->has_task = 0;
	return 1;
}

static __always_inline void explain_wait(struct loop_thread *t, __u32 state, bool throttled)
{
	struct wait *w = &t->wait;

	take_wait_stack(t->pid, t->tid);
	note_ready(t->tid);
	if (t->off == OFF_BLOCKED)
		w->cause = cause_of_wait(t->tid, state);
	else
		w->cause = throttled ? CAUSE_THROTTLED : CAUSE_CPU_WAIT;
}

/*
 * Whether the thread leaves the CPU inside its poll. It does not if it is preempted after the entry
 * of the system call and before the probe on the poll's entry: its iteration has not ended then (a
 * kernel with PREEMPT or PREEMPT_LAZY can switch there). This is most frequent after a long
 * iteration. `polled` distinguishes the two cases: a sample or a switch outside the poll has
 * cleared it, if the iteration was long enough to have one.
 */
static __always_inline bool leaves_in_poll(const struct loop_thread *t, const struct call *call,
					   bool runnable)
{
	return in_own_poll(t, call_number(call), call->argument) && (t->polled || !runnable);
}

static __always_inline void switch_out(struct task_struct *prev, bool preempt, __u32 state)
{
	__u32 tid = prev->pid;
	struct loop_thread *t = find_thread(tid);
	struct call call;

	if (!t || t->exited || t->pid != prev->tgid)
		return;
	if (t->in_probe != PROBE_NOT) {
		t->in_probe = PROBE_INTERRUPTED;
		return;
	}
	if (t->off != OFF_NOT)
		come_back_unseen(tid, bpf_ktime_get_ns());
	t->found_ready = 0;
	if (read_call(&call, prev))
		return;
	if (leaves_in_poll(t, &call, preempt || !state)) {
		t->off = OFF_IN_POLL;
		return;
	}
	t->polled = 0;
	if (!begin_wait(tid))
		return;
	t->off_ns = bpf_ktime_get_ns();
	t->wake_ns = 0;
	t->dirty = 1;
	set_off(t, preempt || !state ? OFF_RUNNABLE : OFF_BLOCKED);
	if (t->off == OFF_RUNNABLE)
		become_ready(t, bpf_get_smp_processor_id());
	t->throttled = 0;
	if (session.native_ns)
		copy_native(tid, t->off_ns);
	explain_wait(t, state, t->off == OFF_RUNNABLE && task_throttled(prev));
}

static __always_inline void count_found_ready(struct loop_thread *t, __u64 now)
{
	__u64 waited = now - t->return_ns - t->away_ns;

	t->found_ready = 0;
	if ((__s64)waited < 0)
		return;
	add_off_cpu(t, time_of_cause(t, CAUSE_CPU_WAIT), waited, 0);
	t->away_ns += waited;
}

static __always_inline void switch_in(struct task_struct *next)
{
	__u32 tid = next->pid;
	struct loop_thread *t = find_thread(tid);
	struct call call;
	__u64 now;

	if (!t || t->exited || t->pid != next->tgid || t->in_probe != PROBE_NOT)
		return;
	now = bpf_ktime_get_ns();
	if (t->found_ready)
		count_found_ready(t, now);
	/* The thread waited in a poll at the attach: the entry of that poll was not seen. */
	if (!t->verified && t->off == OFF_NOT && !read_call(&call, next) &&
	    in_own_poll(t, call_number(&call), call.argument))
		t->off = OFF_IN_POLL;
	come_back(t, now, true);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(handle_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (ready_threads)
		note_run();
	if (traced_tid[PID_SLOT(prev->pid)])
		switch_out(prev, preempt, task_state(prev));
	if (traced_tid[PID_SLOT(next->pid)])
		switch_in(next);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(handle_sched_wakeup, struct task_struct *p)
{
	__u32 tid = p->pid;
	struct loop_thread *t;

	if (!traced_tid[PID_SLOT(tid)])
		return 0;
	t = find_thread(tid);
	if (!t || !t->awaits_wakeup || t->wake_ns)
		return 0;
	t->wake_ns = bpf_ktime_get_ns();
	t->throttled = task_throttled(p);
	become_ready(t, cpu_of(p));
	return 0;
}
