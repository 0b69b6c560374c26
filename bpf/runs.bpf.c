// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Which processes ran instead: while a traced thread is runnable and does not run, the last runs on
 * every CPU are recorded. That thread's switch-in reports them.
 *
 * CONTEXT: sched_switch. Each CPU writes its own runs. A thread that was moved to another CPU reads
 * the runs of the CPU where it became runnable, while that CPU may write them. So user space counts
 * no time twice, and no time outside of the wait.
 */
#include "lib/bounds.bpf.h"
#include "lib/python_calls.bpf.h"
#include "lib/waits.bpf.h"

__noinline int note_run(void)
{
	struct task_struct *task =
		/* still the task that leaves the CPU */
		(struct task_struct *)bpf_get_current_task();
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpu_runs *here = bpf_map_lookup_elem(&runs, &cpu);
	struct run run = {.end_ns = bpf_ktime_get_ns(), .pid = bpf_get_current_pid_tgid() >> 32};
	__u64 at;

	if (!here)
		return 0;
	BPF_CORE_READ_INTO(&run.comm, task, group_leader, comm);
	at = masked(here->count, RUNS_MAX);
	here->run[at] = run;
	here->run[at + RUNS_MAX] = run;
	here->count++;
	return 0;
}

/*
 * How many of the last RUNS_MAX runs ended after `since_ns`. Without branches: because the verifier
 * would follow each of them.
 */
static __always_inline __u32 runs_since(const struct cpu_runs *there, __u32 oldest, __u64 since_ns)
{
	__u32 before = 0, step;

	for (step = RUNS_MAX / 2; step; step /= 2) {
		__u64 at = masked(oldest + before + step - 1, 2 * RUNS_MAX);
		__u64 end_ns = there->run[at].end_ns;

		before += step & ~(__u32)((__s64)(since_ns - end_ns) >> 63);
	}
	return RUNS_MAX - (before & (RUNS_MAX - 1));
}

__noinline int send_runs(__u32 tid, __u64 since_ns, __u64 now)
{
	__u32 slot = SCRATCH_SWITCH, cpu, oldest, count;
	struct loop_thread *t = find_thread(tid);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct cpu_runs *there;
	struct runs_record *r;
	__u64 bytes;

	if (!t || !s || !t->ready_cpu)
		return 0;
	cpu = t->ready_cpu - 1;
	there = bpf_map_lookup_elem(&runs, &cpu);
	if (!there)
		return 0;
	r = &s->runs;
	oldest = there->count & (RUNS_MAX - 1);
	count = runs_since(there, oldest, since_ns);
	bytes = count * sizeof(struct run);
	if (!IS_AT_MOST(bytes, RUNS_MAX * sizeof(struct run)) ||
	    bpf_probe_read_kernel(s->run, bytes, &there->run[masked(oldest - count, RUNS_MAX)]))
		return 0;
	fill_head(&r->head, RECORD_RUNS, sizeof(*r) + bytes, t->pid, t->tid, now);
	r->iteration = t->iteration;
	r->since_ns = since_ns;
	r->count = count;
	r->pad = 0;
	return !emit(r, sizeof(*r) + bytes, LATER);
}
