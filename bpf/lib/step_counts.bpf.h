/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_STEP_COUNTS_BPF_H
#define AIOTRACE_LIB_STEP_COUNTS_BPF_H

/* What `awaits --exact` counts: how long each await lasted, how late each step ran. */
#include "lib/step_maps.bpf.h"

/*
 * The bucket of a duration as in lib/iteration.bpf.h, but with branches, because this code runs
 * less often. A global function is verified once; otherwise its branches would multiply its
 * callers' paths.
 */
__noinline int bucket_of(__u64 ns)
{
	__u32 octave = 0, bucket;
	__u64 rest = ns;

	if (ns < 8)
		return ns;
	for (__u32 step = 32; step; step >>= 1) {
		if (rest >> step) {
			rest >>= step;
			octave += step;
		}
	}
	bucket = octave << 3 | ((ns >> ((octave - 3) & 63)) & 7);
	return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

static __always_inline void add(struct step_stats *s, __u64 ns)
{
	__u64 bucket = bucket_of(ns);

	s->count++;
	s->total_ns += ns;
	if (ns > s->max_ns)
		s->max_ns = ns;
	if (IS_AT_MOST(bucket, HIST_BUCKETS - 1))
		s->buckets[bucket]++;
}

static __always_inline void count_await(struct step_task *w, __u64 ns)
{
	struct step_key key = {.chain = w->chain, .matched = w->matched};
	struct chain_state *known;
	struct step_stats *s;
	__u32 zero = 0;

	if (config.match_length && !w->matched) {
		known = bpf_map_lookup_elem(&chains, &w->chain);
		if (known && known->unwanted)
			return;
	}
	s = bpf_map_lookup_elem(&sites, &key);
	if (!s) {
		s = bpf_map_lookup_elem(&blank_stats, &zero);
		if (!s || bpf_map_update_elem(&sites, &key, s, BPF_NOEXIST)) {
			lose(STEP_LOSS_SITES_FULL);
			return;
		}
		s = bpf_map_lookup_elem(&sites, &key);
	}
	if (s)
		add(s, ns);
}

static __always_inline void mark_ready(__u64 object, __u64 now)
{
	bpf_map_update_elem(&ready, &object, &now, BPF_ANY);
}

/*
 * When the task became able to run; 0: unknown. A sleep: when it was due, even if the loop was busy
 * with other tasks then. A wait for a future: when the future was set.
 */
static __always_inline __u64 ready_since(struct step_task *w)
{
	__u64 *set = bpf_map_lookup_elem(&ready, w->since_ns ? &w->future : &w->task);
	__u64 at = set && *set >= w->since_ns ? *set : 0;

	if (!w->since_ns)
		return at;
	if (w->future == config.none)
		return w->since_ns;
	if (w->due_ns && (!at || w->due_ns < at))
		at = w->due_ns > w->since_ns ? w->due_ns : w->since_ns;
	return at;
}

static __always_inline void count_delay(struct step_task *w, __u64 now)
{
	__u64 since = ready_since(w);
	struct step_stats *s;
	__u32 zero = 0;

	if (config.match_length && !w->matched)
		return;
	if (!since || since > now) {
		/*
		 * A task that is seen for the first time may have been ready before aiotrace
		 * attached.
		 */
		if (w->since_ns)
			lose(STEP_LOSS_READY_UNKNOWN);
		return;
	}
	s = bpf_map_lookup_elem(&groups, &w->group);
	if (!s) {
		s = bpf_map_lookup_elem(&blank_stats, &zero);
		if (!s || bpf_map_update_elem(&groups, &w->group, s, BPF_NOEXIST)) {
			lose(STEP_LOSS_GROUPS_FULL);
			return;
		}
		s = bpf_map_lookup_elem(&groups, &w->group);
	}
	if (s)
		add(s, now - since);
}

#endif
