// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * What the running kernel grants, found by loading and attaching it: never asked by
 * version. Programs here do nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* fentry: refused by some lockdown rules, absent without CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS. */
SEC("fentry/__x64_sys_epoll_wait")
int try_fentry(void *ctx)
{
	return 0;
}
