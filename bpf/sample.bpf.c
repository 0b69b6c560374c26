// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * What a loop thread does while it is on a CPU: cpu-clock events of each loop thread, which only
 * tick while it runs. A sample in a short iteration returns at once.
 *
 * A timer interrupt is expensive on a virtual machine: a clock of one millisecond took 5 % of a
 * busy server's CPU time. So the clock that always runs is coarse, and a sample in a long iteration
 * asks user space to start the fine clock too. Each sample records how much CPU time it stands for.
 *
 * CONTEXT: a timer interrupt. The interrupt may come while a poll's probe uses SCRATCH_POLL.
 */
#include "lib/compat.bpf.h"
#include "lib/gc.bpf.h"
#include "lib/native.bpf.h"
#include "lib/offcpu.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/sampled.bpf.h"

/* CPU time of the iteration since its last sample. */
static __always_inline __u64 take_cpu_time(struct loop_thread *t, __u64 now)
{
	__u64 cpu = now - t->return_ns - t->away_ns, since = cpu - t->sampled_ns;

	if ((__s64)cpu < 0 || (__s64)since < 0)
		return 0;
	t->sampled_ns = cpu;
	return since;
}

/* Whether the iteration has used the CPU for long and is not yet sampled finely. */
static __always_inline bool wants_fine(const struct loop_thread *t, __u64 now)
{
	return t->sampled_ns >= session.fine_after_ns && now - t->fine_ns > 2 * session.coarse_ns;
}

SEC("perf_event")
int handle_sample(struct sample_context *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), now;
	__u32 pid = id >> 32, tid = (__u32)id, slot = SCRATCH_SAMPLE;
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct sample_record *r;
	struct process_config *p;
	struct task_struct *task;
	struct call user;
	__u64 sp = 0, size = sizeof(*r);
	int native = 0;

	if (!t || !s || t->pid != pid || t->exited)
		return 0;
	now = bpf_ktime_get_ns();
	if (t->off != OFF_NOT)
		come_back_unseen(tid, now);
	t->found_ready = 0;
	if (IS_USER_MODE(&ctx->regs))
		t->polled = 0;
	if (!t->return_ns || (__s64)(now - t->return_ns) < (__s64)session.young_ns)
		return 0;

	r = &s->sample;
	__builtin_memset(r, 0, sizeof(*r));
	r->syscall = -1;
	task = current_task();
	if (IS_USER_MODE(&ctx->regs)) {
		r->ip = INSTRUCTION_POINTER(&ctx->regs);
		r->sp = sp = STACK_POINTER(&ctx->regs);
		r->bp = FRAME_POINTER(&ctx->regs);
	} else {
		if (read_call(&user, task))
			return 0;
		if (in_own_poll(t, call_number(&user), user.argument))
			return 0;
		t->polled = 0;
		r->flags |= SAMPLE_KERNEL;
		r->ip = user.ip;
		r->syscall = call_number(&user);
	}
	if (session.native_ns)
		native = copy_native(tid, now);
	p = bpf_map_lookup_elem(&processes, &pid);
	if (p && p->flags & PROCESS_PYTHON) {
		__u64 thread_pointer = thread_pointer_of(task);

		if (walk_thread(slot, pid, tid, t->tstate, thread_pointer) <= 0 &&
		    search_state_again(slot, pid, tid, now))
			walk_thread(slot, pid, tid, t->tstate, thread_pointer);
		if (has_left_loop(slot, tid))
			return 0;
		if (s->count) {
			r->stack_id = s->hash;
			/*
			 * The memory of Handles is reused quickly: the coroutine helps to
			 * distinguish them.
			 */
			r->callback = s->handle | s->root_coroutine ?
					      mix(s->handle, s->root_coroutine) :
					      0;
			if (collects(t, p, s))
				r->flags |= SAMPLE_GC;
			if (send_running_task(slot, pid, tid))
				r->flags |= SAMPLE_HAS_TASK;
		} else if (!t->foreign) {
			count_loss(LOSS_THREAD_UNKNOWN);
		}
	}
	if (session.native_ns && native && send_native(tid, now)) {
		r->flags |= SAMPLE_HAS_NATIVE;
		sp = 0; /* its stack has been sent */
	}
	/* The leaf is outside the interpreter: user space searches its caller. */
	if (sp && p && (r->ip < p->text_start || r->ip >= p->text_end) &&
	    !bpf_probe_read_user(s->words, sizeof(s->words), (void *)sp)) {
		r->words = SAMPLE_WORDS;
		size = sizeof(*r) + sizeof(s->words);
	}
	fill_head(&r->head, RECORD_SAMPLE, size, pid, tid, now);
	r->iteration = t->iteration;
	r->cpu_ns = take_cpu_time(t, now);
	if (ctx->sample_period < session.coarse_ns)
		t->fine_ns = now;
	else if (wants_fine(t, now))
		r->flags |= SAMPLE_WANTS_FINE;
	t->dirty = 1;
	note_ready(tid);
	if (emit(r, size, r->flags & SAMPLE_WANTS_FINE ? NOW : LATER))
		t->losses++;
	else
		t->samples++;
	return 0;
}

/*
 * The software event at the end of a major fault: it has the address, which the scheduler does not
 * know. Without major faults it costs nothing.
 */
SEC("perf_event")
int handle_major_fault(struct sample_context *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = (__u32)id;
	struct loop_thread *t = find_thread(tid);
	struct target_record r = {};

	/* Time is pending: the block was short and is not in any record. */
	if (!t || t->pid != pid || t->exited || !t->causes[CAUSE_FAULT].count ||
	    t->causes[CAUSE_FAULT].pending_ns)
		return 0;
	fill_head(&r.head, RECORD_TARGET, sizeof(r), pid, tid, bpf_ktime_get_ns());
	r.iteration = t->iteration;
	r.kind = TARGET_IS_ADDRESS;
	r.address = ctx->address;
	r.fd = -1;
	r.syscall = -1;
	emit(&r, sizeof(r), NOW); /* the mapping may go */
	return 0;
}
