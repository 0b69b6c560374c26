// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * `leaks --origin`: the creator of each coroutine, by a uprobe on the return of the function that
 * creates all coroutines. Loaded on its own, see user/probe/origin_probe.
 *
 * A new object at an address replaces the old entry, so a busy program writes to the same entries
 * again and again. When all entries are in use, the least recently written one is removed.
 */
#include "lib/bounds.bpf.h"
#include "lib/compat.bpf.h"
#include "abi/origin.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAX_ORIGINS 65536
#define MAX_STEPS 256 /* along interpreters and their threads */
#define MAX_SHIMS 4

const volatile struct origin_config config = {};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_ORIGINS);
	__type(key, __u64); /* coroutine */
	__type(value, struct origin);
} origins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tid */
	__type(value, __u64); /* PyThreadState */
} tstates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct origin_counts);
} counts SEC(".maps");

/*
 * Never written: new entries are copied from it. The entry is filled in place, not in per-CPU
 * memory, because another program on the same CPU can preempt a program on a uprobe.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct origin);
} blank SEC(".maps");

static __always_inline __u64 read_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __u64 untagged(__u64 reference)
{
	return config.layout.flags & PY_TAGGED_REFS ? reference & ~3ull : reference;
}

static __always_inline __u64 frame_of(__u64 tstate)
{
	__u64 frame = read_u64(tstate + config.layout.ts_frame);

	if (frame && config.layout.flags & PY_HAS_CFRAME)
		frame = read_u64(frame + config.layout.cframe_current);
	return frame;
}

/* The thread state of the current thread that has a frame; newer interpreters come first. */
static __always_inline __u64 search_tstate(__u64 thread_pointer)
{
	__u64 interp = read_u64(config.interpreters_head), at = 0;

	for (int i = 0; i < MAX_STEPS; i++) {
		if (!at) {
			if (!interp)
				return 0;
			at = read_u64(interp + config.layout.interp_threads_head);
			interp = read_u64(interp + config.layout.interp_next);
			continue;
		}
		if (read_u64(at + config.layout.ts_thread_id) == thread_pointer && frame_of(at))
			return at;
		at = read_u64(at + config.layout.ts_next);
	}
	return 0;
}

static __always_inline __u64 current_frame(__u32 tid)
{
	__u64 thread_pointer = thread_pointer_of(current_task()), tstate;
	__u64 *known = bpf_map_lookup_elem(&tstates, &tid);

	if (known && read_u64(*known + config.layout.ts_thread_id) == thread_pointer) {
		__u64 frame = frame_of(*known);

		if (frame)
			return frame;
	}
	tstate = search_tstate(thread_pointer);
	if (!tstate)
		return 0;
	bpf_map_update_elem(&tstates, &tid, &tstate, BPF_ANY);
	return frame_of(tstate);
}

#define FRAME_OBJECT_READ 120 /* f_lasti ends at 108 in 3.8; the object has 360 bytes or more */
#define IFRAME_READ 80 /* sizeof(_PyInterpreterFrame) is 80 or more in 3.11 to 3.15 */

/* Reads the head of a frame in one read. `config` is frozen, so the verifier knows each offset. */
struct frame_head {
	__u8 bytes[128];
};

static __always_inline __u64 word_of(const struct frame_head *head, __u32 offset)
{
	return offset <= sizeof(head->bytes) - 8 ? *(__u64 *)(head->bytes + offset) : 0;
}

static __always_inline __s32 lasti_of(const struct frame_head *head, __u64 code)
{
	const volatile struct py_layout *l = &config.layout;
	__s64 offset = word_of(head, l->frame_instr);

	if (l->flags & PY_FRAME_OBJECTS) {
		offset = (__s32)offset;
		if (offset > 0 && l->flags & PY_LASTI_IN_UNITS)
			offset *= 2;
	} else {
		offset -= code + l->code_bytecode;
	}
	return offset < 0 || offset > 0x7ffffffe ? -1 : offset;
}

/*
 * A frame that the evaluation function put below the frames for which C code called it (3.12+), or
 * the base frame of 3.15.
 */
static __always_inline bool is_shim(const struct frame_head *head, __u64 code)
{
	__u32 owner = config.layout.frame_owner;

	if (!code)
		return true;
	if (config.layout.frame_owner_shim == PY_NO_OFFSET || owner >= sizeof(head->bytes))
		return false;
	return head->bytes[owner] >= config.layout.frame_owner_shim;
}

/*
 * The count is kept in the map. The verifier does not know values that are read from a map, so it
 * checks the loop's body once and not once for each possible count.
 */
static __always_inline void fill_frames(struct origin *o, __u64 frame)
{
	const __u32 size = config.layout.flags & PY_FRAME_OBJECTS ? FRAME_OBJECT_READ : IFRAME_READ;
	struct frame_head head = {};
	bool own = config.own_frame;

	o->count = 0;

	for (int i = 0; i < ORIGIN_FRAMES + MAX_SHIMS + 1; i++) {
		__u32 count = *(volatile __u32 *)&o->count;
		struct origin_frame *kept;
		__u64 code;

		if (!frame || count >= ORIGIN_FRAMES ||
		    bpf_probe_read_user(&head, size, (void *)frame))
			break;
		frame = word_of(&head, config.layout.frame_previous);
		code = untagged(word_of(&head, config.layout.frame_code));
		if (is_shim(&head, code))
			continue;
		if (own) {
			own = false;
			continue;
		}
		kept = &o->frames[masked(count, ORIGIN_FRAMES)];
		kept->code = code;
		kept->lasti = lasti_of(&head, code);
		*(volatile __u32 *)&o->count = count + 1;
	}
}

SEC("uprobe")
int handle_made(struct saved_regs *regs)
{
	__u64 begin = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	__u64 made = RESULT(regs), type;
	struct origin_counts *c;
	struct origin *o;
	__u32 zero = 0;

	if (id >> 32 != config.pid)
		return 0;
	c = bpf_map_lookup_elem(&counts, &zero);
	o = bpf_map_lookup_elem(&blank, &zero);
	if (!c || !o)
		return 0;
	c->traps++;
	type = made ? read_u64(made + config.layout.obj_type) : 0;
	if (type && (type == config.coro_type || type == config.async_gen_type)) {
		bpf_map_update_elem(&origins, &made, o, BPF_ANY);
		o = bpf_map_lookup_elem(&origins, &made);
		if (!o) {
			c->lost++;
			return 0;
		}
		o->made_ns = begin;
		o->tid = (__u32)id;
		fill_frames(o, current_frame((__u32)id));
		c->kept++;
		if (!o->count)
			c->no_stack++;
	}
	c->run_ns += bpf_ktime_get_ns() - begin;
	return 0;
}
