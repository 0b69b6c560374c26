// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * `awaits --exact`: every step of every task of one process, by uprobes on the functions that
 * asyncio resumes a coroutine with. An await lasts from the return of one step, which
 * yielded something, to the entry of the next. Loaded on its own, see user/probe/step_probe.
 *
 * LOCKING: with the GIL only one thread at a time is inside of these functions, so what they
 * write needs no atomic. Interpreters with a GIL each share the maps: a count may be lost there.
 */
#include "lib/compat.bpf.h"
#include "abi/steps.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MAX_TASKS 65536
#define MAX_SITES 4096
#define MAX_GROUPS 1024
#define TELL_AGAIN_NS 20000000 /* a chain that has no name yet */
#define STACK_WORDS 64

const volatile struct step_config config = {};

/* Awaits that begin and end in between are counted: CLOCK_MONOTONIC, set by user space. */
__u64 window_begin = ~0ull;
__u64 window_end = ~0ull;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32); /* tid */
	__type(value, struct step_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u64); /* root coroutine */
	__type(value, struct step_task);
} tasks SEC(".maps");

/* When a future got its result, a task was made or ended. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, __u64); /* future or task */
	__type(value, __u64);
} ready SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SITES);
	__type(key, __u64);
	__type(value, struct chain_state);
} chains SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SITES);
	__type(key, struct step_key);
	__type(value, struct step_stats);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_GROUPS);
	__type(key, struct group_key);
	__type(value, struct step_stats);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEP_LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} step_losses SEC(".maps");

/* Never written: what a new entry begins as. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct step_thread);
} blank_thread SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct step_stats);
} blank_stats SEC(".maps");

static __always_inline void lose(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&step_losses, &which);

	if (counter)
		(*counter)++;
}

static __always_inline __u64 read_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __s32 read_s32(__u64 address)
{
	__s32 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __s8 read_s8(__u64 address)
{
	__s8 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __u64 untagged(__u64 reference)
{
	return config.layout.flags & PY_TAGGED_REFS ? reference & ~3ull : reference;
}

static __always_inline __u64 type_of(__u64 object)
{
	return read_u64(object + config.layout.obj_type);
}

#define V3_10 0x030a0000
#define V3_11 0x030b0000
#define V3_12 0x030c0000
#define V3_13 0x030d0000
#define V3_15 0x030f0000

/*
 * The bucket of a duration as in lib/iteration.bpf.h, in branches: this path is not that hot.
 * A global function, verified once: its branches would else multiply its callers' paths.
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
	__u32 bucket = bucket_of(ns);

	s->count++;
	s->total_ns += ns;
	if (ns > s->max_ns)
		s->max_ns = ns;
	if (bucket < HIST_BUCKETS)
		s->buckets[bucket]++;
}

static __always_inline struct step_thread *thread_of(__u32 tid)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u32 zero = 0;

	if (t)
		return t;
	t = bpf_map_lookup_elem(&blank_thread, &zero);
	if (!t || bpf_map_update_elem(&threads, &tid, t, BPF_NOEXIST))
		lose(STEP_LOSS_THREADS_FULL);
	return bpf_map_lookup_elem(&threads, &tid);
}

/* Is there an _asyncio.Task that runs this coroutine at `address`? */
static __always_inline int is_task(__u64 address, __u64 coroutine)
{
	if (address & 7 || address < 4096 || address >> 47)
		return 0;
	if (read_u64(address + config.layout.task_coro) != coroutine)
		return 0;
	return read_u64(type_of(address) + config.type_basicsize) >= config.layout.task_size;
}

/*
 * The task whose step it is: its address lies in a register that the callee keeps, or among
 * the words that the callers have pushed, since they go on with it. Believed only where it is
 * a task of that very coroutine. So a coroutine for which there is none is no task's own.
 */
__noinline int find_task(__u32 tid, __u64 coroutine)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t)
		return 0;
	for (int i = 0; i < STACK_WORDS; i++) {
		__u64 word = t->words[i];

		if (is_task(word, coroutine)) {
			t->object = word;
			return 1;
		}
	}
	return 0;
}

static __always_inline __u64 task_of(struct step_thread *t, __u32 tid, struct saved_regs *regs,
				     __u64 coroutine)
{
	t->words[0] = regs->bx;
	t->words[1] = regs->bp;
	t->words[2] = regs->r12;
	t->words[3] = regs->r13;
	t->words[4] = regs->r14;
	t->words[5] = regs->r15;
	if (bpf_probe_read_user(&t->words[6], (STACK_WORDS - 6) * 8, (void *)regs->sp))
		return 0;
	return find_task(tid, coroutine) ? t->object : 0;
}

/* Where a suspended coroutine or generator keeps what it awaits (_PyGen_yf); 0: nothing. */
static __always_inline __u64 awaited_by(__u64 object, __u64 frame, __u64 code, __s32 lasti,
					int coroutine)
{
	const volatile struct py_layout *l = &config.layout;

	if (l->version >= V3_13) {
		__s8 state = read_s8(object + config.coro_state);

		if (l->version >= V3_15 ? state != 2 && state != 3 : state != -1)
			return 0;
	} else if (!coroutine && l->version >= V3_11) {
		/* The argument of RESUME behind it: 2 after `yield from`, 3 after `await`. */
		if ((read_s8(code + l->code_bytecode + lasti + 3) & 3) < 2)
			return 0;
	} else if (!coroutine) {
		__u64 bytecode = read_u64(code + config.code_code);

		if (read_s8(bytecode + l->bytes_data + lasti + 2) != 72) /* YIELD_FROM */
			return 0;
	}
	if (l->version < V3_10)
		return read_u64(read_u64(frame + config.frame_stacktop) - 8);
	if (l->version < V3_11) {
		__s32 depth = read_s32(frame + config.frame_stacktop);

		return depth <= 0 ? 0 :
				    read_u64(read_u64(frame + config.frame_valuestack) +
					     ((__u64)depth - 1) * 8);
	}
	if (!(l->flags & PY_TAGGED_REFS)) {
		__s32 depth = read_s32(frame + config.frame_stacktop);

		return depth <= 0 ? 0 :
				    read_u64(frame + l->frame_localsplus + ((__u64)depth - 1) * 8);
	}
	return untagged(
		read_u64(read_u64(frame + config.frame_stacktop) - (l->version >= V3_15 ? 16 : 8)));
}

/* Seconds since boot as a float object has them, in ns: BPF has no arithmetic for doubles. */
static __always_inline __u64 ns_of_double(__u64 bits)
{
	__u32 exponent = (bits >> 52) & 0x7ff;
	__u64 mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52, fraction;
	__u32 shift;

	if (exponent < 1023 || exponent > 1023 + 32)
		return 0; /* under a second, over 136 years, negative, no number */
	shift = (1023 + 52 - exponent) & 63;
	fraction = (mantissa & ((1ull << shift) - 1)) >> ((shift - 20) & 63); /* 20 bits: 1 µs */
	return (mantissa >> shift) * 1000000000 + (fraction * 1000000000 >> 20);
}

/* When the timer of an asyncio.sleep() is due. */
static __always_inline __u64 due_of_sleep(__u64 frame)
{
	__u64 timer;

	if (config.timer_when == PY_NO_OFFSET)
		return 0;
	timer = untagged(
		read_u64(frame + config.layout.frame_localsplus + config.sleep_timer * 8ull));
	if (!timer || type_of(timer) != config.timer_type)
		return 0;
	return ns_of_double(read_u64(read_u64(timer + config.timer_when) + config.float_value));
}

/* Adds the link t->object to the chain and goes on to what it awaits; 0: it is none. */
__noinline int walk_link(__u32 tid)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	const volatile struct py_layout *l = &config.layout;
	__u64 object, type, frame, code;
	__u32 at;
	__s32 lasti;

	if (!t)
		return 0;
	object = t->object;
	type = type_of(object);
	if (type != config.coro_type && type != config.gen_type && type != config.async_gen_type)
		return 0;
	if (l->version < V3_11) {
		frame = read_u64(object + config.coro_frame);
		code = read_u64(object + config.coro_code);
		lasti = read_s32(frame + l->frame_instr);
		if (l->flags & PY_LASTI_IN_UNITS)
			lasti *= 2;
	} else {
		frame = object + l->gen_iframe;
		code = config.coro_code != PY_NO_OFFSET ? read_u64(object + config.coro_code) :
							  untagged(read_u64(frame + l->frame_code));
		lasti = read_u64(frame + l->frame_instr) - code - l->code_bytecode;
	}
	at = t->chain.count;
	if (!frame || !code || at >= CHAIN_MAX)
		return 0;
	t->chain.links[at & (CHAIN_MAX - 1)].code = code;
	t->chain.links[at & (CHAIN_MAX - 1)].lasti = lasti;
	t->chain.count = at + 1;
	t->chain.chain = (t->chain.chain ^ code ^ (__u64)lasti << 40) * 0x9e3779b97f4a7c15ull;
	t->chain.chain ^= t->chain.chain >> 29;
	if (code == config.sleep_code)
		t->words[0] = due_of_sleep(frame);
	t->object = awaited_by(object, frame, code, lasti, type == config.coro_type);
	return t->object != 0;
}

/* The chain at which a task waits, told to user space until that has a name for it. */
static __always_inline void find_chain(struct step_thread *t, __u32 tid, struct step_task *w,
				       __u64 coroutine, __u64 now)
{
	struct chain_state *known, fresh = {.told_ns = now};
	__u64 chain;
	int more = 1;

	t->object = coroutine;
	t->chain.count = 0;
	t->chain.chain = 0;
	t->words[0] = 0;
	for (int i = 0; i < CHAIN_MAX && more; i++)
		more = walk_link(tid);
	if (more)
		lose(STEP_LOSS_CHAIN_TOO_DEEP);
	chain = t->chain.chain | 1;
	w->chain = chain;
	w->due_ns = t->words[0];
	known = bpf_map_lookup_elem(&chains, &chain);
	if (known && (known->named || now - known->told_ns < TELL_AGAIN_NS))
		return;
	if (known)
		known->told_ns = now;
	else if (bpf_map_update_elem(&chains, &chain, &fresh, BPF_ANY))
		return; /* its first await that ends says sites-full */
	t->chain.head.type = RECORD_CHAIN;
	t->chain.head.size = sizeof(t->chain);
	t->chain.head.pid = config.pid;
	t->chain.head.tid = tid;
	t->chain.head.time_ns = now;
	t->chain.chain = chain;
	t->chain.task = w->task;
	t->chain.coroutine = coroutine;
	t->chain.target = t->object;
	t->chain.too_deep = more;
	if (bpf_ringbuf_output(&ring, &t->chain, sizeof(t->chain), BPF_RB_FORCE_WAKEUP)) {
		lose(STEP_LOSS_RING_FULL);
		known = bpf_map_lookup_elem(&chains, &chain);
		if (known)
			known->told_ns = 0;
	}
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

#define TPFLAGS_UNICODE_SUBCLASS (1ull << 28) /* Include/object.h */
#define NAME_BYTES 128 /* that are looked at */

/* Copies a str's characters into t->words; their bytes, 0: it cannot be read. */
static __always_inline __u32 copy_name(struct step_thread *t, __u64 object)
{
	const volatile struct py_layout *l = &config.layout;
	__u32 state = read_s32(object + l->unicode_state), width, bytes;
	__u64 length = read_u64(object + l->unicode_length);
	__u64 data =
		object + (state >> (config.unicode_ascii_bit & 31) & 1 ? l->unicode_ascii_data :
									 l->unicode_compact_data);

	if (!(read_u64(type_of(object) + config.type_flags) & TPFLAGS_UNICODE_SUBCLASS))
		return 0;
	if (!(state >> (config.unicode_compact_bit & 31) & 1))
		return 0;
	width = state >> (config.unicode_kind_shift & 31) & 7;
	t->group.cut = length * width > NAME_BYTES;
	bytes = t->group.cut ? NAME_BYTES : length * width;
	bytes &= 255;
	if (bytes > NAME_BYTES || bpf_probe_read_user(t->words, bytes, (void *)data))
		return 0;
	t->group.width = width;
	return bytes;
}

/* "Task-7": asyncio's own name of a task that was given none. */
static __always_inline int is_default_name(const __u8 *text, __u32 bytes)
{
	return bytes > 5 && text[0] == 'T' && text[1] == 'a' && text[2] == 's' && text[3] == 'k' &&
	       text[4] == '-' && text[5] >= '0' && text[5] <= '9';
}

/*
 * One character of the name in t->words: `matched` is the automaton's state meanwhile,
 * `name_pad` whether the last one was a digit. Verified once, not for each turn of the loop.
 */
__noinline int name_character(__u32 tid, __u32 i)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	__u32 digit, out, state;
	__u8 c;

	if (!t)
		return 0;
	c = ((const __u8 *)t->words)[i & (NAME_BYTES - 1)];
	state = t->matched;
	if (state != config.match_length)
		t->matched = config.match_next[(state & (MATCH_STATES - 1)) << 8 | c];
	digit = t->group.width == 1 && !t->group.coroutine && c >= '0' && c <= '9';
	out = t->group.bytes;
	if (!(digit && t->name_pad) && out < GROUP_TEXT) {
		t->group.text[out & (GROUP_TEXT - 1)] = digit ? '*' : c;
		t->group.bytes = out + 1;
	}
	t->name_pad = digit;
	return 0;
}

/* Which group a task belongs to, and whether --match is in its name: into `group`, `matched`. */
__noinline int read_group(__u32 tid, __u64 name, __u64 coroutine)
{
	struct step_thread *t = bpf_map_lookup_elem(&threads, &tid);
	const __u8 *text;
	__u32 bytes;

	if (!t)
		return 0;
	__builtin_memset(&t->group, 0, sizeof(t->group));
	t->matched = 0;
	t->name_pad = 0;
	text = (const __u8 *)t->words;
	bytes = copy_name(t, name);
	/* Since 3.12 the name is a number until somebody asks for it. */
	if (!bytes || (t->group.width == 1 && is_default_name(text, bytes))) {
		t->group.coroutine = 1;
		bytes = copy_name(t, read_u64(coroutine + config.layout.gen_qualname));
	}
	for (__u32 i = 0; i < NAME_BYTES; i++) {
		if (i >= bytes)
			break;
		name_character(tid, i);
	}
	t->matched = config.match_length && t->matched == config.match_length;
	return 1;
}

/* A task's name may be set at any time: another object then. */
static __always_inline void refresh_name(struct step_thread *t, __u32 tid, struct step_task *w,
					 __u64 coroutine)
{
	__u64 name = read_u64(w->task + config.layout.task_name);

	if (name == w->name)
		return;
	read_group(tid, name, coroutine);
	w->name = name;
	w->group = t->group;
	w->matched = t->matched;
}

static __always_inline void mark_ready(__u64 object, __u64 now)
{
	bpf_map_update_elem(&ready, &object, &now, BPF_ANY);
}

/*
 * Since when the task could have run; 0: not known. A sleep could have when it was due, however
 * long the loop was busy with others then; what waits for a future, when that was set.
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
		/* A task that is met for the first time may have been ready before aiotrace came. */
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

static __always_inline void on_entry(struct saved_regs *regs)
{
	__u64 begin = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	__u64 coroutine = regs->di;
	__u32 tid = (__u32)id, depth;
	struct step_thread *t;
	struct step_task *w;

	if (id >> 32 != config.pid)
		return;
	t = thread_of(tid);
	if (!t)
		return;
	t->entries++;
	if (begin < window_begin || begin >= window_end)
		return;
	if (type_of(coroutine) != config.coro_type)
		return;
	/* What an exception or a switch of stacks left behind is over. */
	depth = t->depth;
	for (int i = 0; i < STEP_LEVELS; i++) {
		if (!depth || t->levels[(depth - 1) & (STEP_LEVELS - 1)].sp > regs->sp)
			break;
		depth--;
	}
	t->depth = depth;
	if (depth && config.nested_sends)
		goto out;
	w = bpf_map_lookup_elem(&tasks, &coroutine);
	if (w && read_u64(w->task + config.layout.task_coro) != coroutine) {
		bpf_map_delete_elem(&tasks, &coroutine);
		w = NULL;
	}
	if (!w) {
		struct step_task fresh = {};

		fresh.task = task_of(t, tid, regs, coroutine);
		if (!fresh.task) {
			lose(STEP_LOSS_TASK_UNKNOWN);
			goto out;
		}
		if (bpf_map_update_elem(&tasks, &coroutine, &fresh, BPF_ANY)) {
			lose(STEP_LOSS_TASKS_FULL);
			goto out;
		}
		w = bpf_map_lookup_elem(&tasks, &coroutine);
		if (!w)
			goto out;
	}
	refresh_name(t, tid, w, coroutine);
	if (w->since_ns && begin > w->since_ns)
		count_await(w, begin - w->since_ns);
	count_delay(w, begin);
	w->since_ns = 0;
	if (depth < STEP_LEVELS) {
		struct step_level *level = &t->levels[depth & (STEP_LEVELS - 1)];

		level->sp = regs->sp;
		level->coroutine = coroutine;
		level->result = regs->dx;
		t->depth = depth + 1;
	}
out:
	t->run_ns += bpf_ktime_get_ns() - begin;
}

/* `by_object`: what was yielded is returned itself, and nothing at the coroutine's end. */
static __always_inline void on_return(struct saved_regs *regs, int by_object)
{
	__u64 now = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	__u64 coroutine, result, sp = regs->sp - 8;
	__u32 tid = (__u32)id, depth;
	struct step_thread *t;
	struct step_task *w;

	if (id >> 32 != config.pid)
		return;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (!t)
		return;
	t->returns++;
	if (now < window_begin || now >= window_end)
		return;
	depth = t->depth;
	for (int i = 0; i < STEP_LEVELS; i++) {
		if (!depth || t->levels[(depth - 1) & (STEP_LEVELS - 1)].sp >= sp)
			break;
		depth--;
	}
	if (!depth || t->levels[(depth - 1) & (STEP_LEVELS - 1)].sp != sp)
		return; /* that of an awaited coroutine */
	depth--;
	t->depth = depth;
	coroutine = t->levels[depth & (STEP_LEVELS - 1)].coroutine;
	result = t->levels[depth & (STEP_LEVELS - 1)].result;
	w = bpf_map_lookup_elem(&tasks, &coroutine);
	if (!w)
		goto out;
	if (by_object ? !regs->ax : (__s32)regs->ax != 1) { /* PYGEN_NEXT */
		mark_ready(w->task, now); /* for those that await it */
		bpf_map_delete_elem(&tasks, &coroutine);
		goto out;
	}
	w->since_ns = now;
	w->future = by_object ? regs->ax : read_u64(result);
	find_chain(t, tid, w, coroutine, now);
out:
	t->run_ns += bpf_ktime_get_ns() - now;
}

/* A future that is set, a task that is made: the first argument. */
SEC("uprobe")
int handle_ready(struct saved_regs *regs)
{
	__u64 begin = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid();
	struct step_thread *t;

	if (id >> 32 != config.pid)
		return 0;
	t = thread_of((__u32)id);
	if (!t)
		return 0;
	t->entries++;
	if (begin >= window_begin && begin < window_end)
		mark_ready(regs->di, begin);
	t->run_ns += bpf_ktime_get_ns() - begin;
	return 0;
}

SEC("uprobe")
int handle_send(struct saved_regs *regs)
{
	on_entry(regs);
	return 0;
}

SEC("uprobe")
int handle_send_return(struct saved_regs *regs)
{
	on_return(regs, config.send_gives_object);
	return 0;
}

SEC("uprobe")
int handle_throw_return(struct saved_regs *regs)
{
	on_return(regs, 1);
	return 0;
}
