// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Takes CPU time in a timer interrupt, as a hypervisor does: 20 to 100 times a second on each CPU, up to 2 ms each
 * time. Needs bpf_loop() (Linux 5.17).
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "noise.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct noise);
} noises SEC(".maps");

#define SHORTEST_GAP_NS 10000000
#define LONGEST_GAP_NS 50000000
#define LONGEST_NS 2000000
/* One look at the clock takes 20 ns and more. */
#define MOST_LOOKS (LONGEST_NS / 10)

static long is_over(__u32 look, void* until_ns) { return bpf_ktime_get_ns() >= *(__u64*)until_ns; }

SEC("perf_event")
int take_time(void* context) {
  __u64 now_ns = bpf_ktime_get_ns(), until_ns;
  __u32 zero = 0;
  struct noise* noise = bpf_map_lookup_elem(&noises, &zero);

  if (!noise || now_ns < noise->next_ns) return 0;
  /* The first call only chooses when to begin. */
  if (noise->next_ns) {
    until_ns = now_ns + bpf_get_prandom_u32() % LONGEST_NS;
    bpf_loop(MOST_LOOKS, is_over, &until_ns, 0);
    noise->taken_ns += bpf_ktime_get_ns() - now_ns;
    noise->times++;
  }
  noise->next_ns = now_ns + SHORTEST_GAP_NS + bpf_get_prandom_u32() % (LONGEST_GAP_NS - SHORTEST_GAP_NS);
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
