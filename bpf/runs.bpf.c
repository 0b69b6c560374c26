// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Who ran instead: while a traced thread is ready to run and does not, the last runs on every
 * CPU are kept, for that thread's switch-in to tell of.
 *
 * CONTEXT: sched_switch. Each CPU writes its own runs; a thread that has been moved to another
 * CPU reads those of the one where it became ready, which may be writing: user space takes no
 * time twice and none from outside of the wait.
 */
#include "lib/python_calls.bpf.h"
#include "lib/waits.bpf.h"

__noinline int note_run(void)
{
	struct task_struct *task =
		(struct task_struct *)bpf_get_current_task(); /* still the one that leaves */
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpu_runs *here = bpf_map_lookup_elem(&runs, &cpu);
	struct run *run;

	if (!here)
		return 0;
	run = &here->run[here->count & (RUNS_MAX - 1)];
	run->end_ns = bpf_ktime_get_ns();
	run->pid = bpf_get_current_pid_tgid() >> 32;
	BPF_CORE_READ_INTO(&run->comm, task, group_leader, comm);
	here->count++;
	return 0;
}

__noinline int send_runs(__u32 tid, __u64 since_ns, __u64 now)
{
	__u32 slot = SCRATCH_SWITCH, cpu, i;
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct cpu_runs *there;
	struct runs_record *r;
	__u32 newest, size;

	if (!t || !s || !t->ready_cpu)
		return 0;
	cpu = t->ready_cpu - 1;
	there = bpf_map_lookup_elem(&runs, &cpu);
	if (!there)
		return 0;
	r = &s->runs;
	newest = there->count - 1;
	for (i = 0; i < RUNS_MAX; i++) {
		const struct run *run = &there->run[(newest - i) & (RUNS_MAX - 1)];

		if (run->end_ns <= since_ns)
			break;
		s->run[i] = *run;
	}
	if (!i)
		return 0;
	size = sizeof(*r) + i * sizeof(s->run[0]);
	fill_head(&r->head, RECORD_RUNS, size, t->pid, t->tid, now);
	r->iteration = t->iteration;
	r->since_ns = since_ns;
	r->count = i;
	r->pad = 0;
	return size <= sizeof(*r) + sizeof(s->run) && !emit(r, size, LATER);
}
