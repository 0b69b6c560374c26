// libbpf's headers are replaced by what a host compiler can do with the programs.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-variable"

#define __TARGET_ARCH_x86  // the one that arch.bpf.h knows
#include "tests/native/host.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define __BPF_HELPERS__
#define __BPF_CORE_READ_H__
#define __BPF_TRACING_H__

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) __typeof__(value)* name
#undef __always_inline
#define __always_inline inline
#define __noinline __attribute__((noinline))
#ifndef __hidden
#define __hidden
#endif

// As in libbpf: each argument but the first is a field of what the one before points to.
#define HOST_READ2(a, b) ((a)->b)
#define HOST_READ3(a, b, c) ((a)->b->c)
#define HOST_READ4(a, b, c, d) ((a)->b->c->d)
#define HOST_PICK(_1, _2, _3, _4, name, ...) name
#define BPF_CORE_READ(...) HOST_PICK(__VA_ARGS__, HOST_READ4, HOST_READ3, HOST_READ2, )(__VA_ARGS__)
#define bpf_core_field_exists(field) 1
#define bpf_core_field_offset(type, field) offsetof(type, field)
#define bpf_core_enum_value_exists(type, value) 1
#define bpf_core_type_exists(type) 1

static long bpf_probe_read_user(void* to, __u32 size, const void* from) {
  // As the kernel does it: what could not be read becomes zeros.
  if (host_read_user(to, size, (__u64)from) == 0) return 0;
  memset(to, 0, size);
  return -14;
}
static long bpf_probe_read_kernel(void* to, __u32 size, const void* from) {
  memcpy(to, from, size);
  return 0;
}
static void* bpf_map_lookup_elem(void* map, const void* key);
static long bpf_map_update_elem(void* map, const void* key, const void* value, __u64 flags);
static long bpf_map_delete_elem(void* map, const void* key) { return 0; }
static long bpf_ringbuf_output(void* ring, void* data, __u64 size, __u64 flags) {
  if (host_ring_full) return -11;
  host_take_record(data, size);
  return 0;
}
uint64_t host_ring_waiting;
static __u64 bpf_ringbuf_query(void* ring, __u64 flags) { return host_ring_waiting; }
static __u64 bpf_ktime_get_ns(void) { return 12345; }
static __u64 bpf_get_current_pid_tgid(void) { return (__u64)kHostPid << 32 | kHostTid; }
static const __u64 no_registers[32];  // more than struct saved_regs has
static long bpf_task_pt_regs(void* task) { return (long)no_registers; }
static void* bpf_get_current_task_btf(void) { return NULL; }
static __u64 bpf_get_current_task(void) { return 0; }
#define barrier_var(var) asm volatile("" : "+r"(var))

#include "greenlet.bpf.c"
#include "python.bpf.c"
#include "tstate.bpf.c"

#include "lib/fdtarget.bpf.h"
#include "lib/gc.bpf.h"
#include "lib/iteration.bpf.h"

struct blank_map blank;
struct ring_map ring;
struct processes_map processes;
struct loop_threads_map loop_threads;
struct thread_slots_map thread_slots;
struct free_slots_map free_slots;
struct losses_map losses;
struct syscalls_map syscalls;
struct scratch_map scratch;
struct code_class_map codes;
struct stacks_map stacks;
struct ring_share ring_shares[RING_SHARES];
__u32 ring_epoch;
const volatile struct session_config session = {.warn_ns = 50000000, .ring_bytes = HOST_RING_BYTES, .ring_share = 1};
__u32 traced_tid[PID_FILTER_SIZE];
__u8 traced_tgid[PID_FILTER_SIZE];

struct process_config host_process;
uint64_t host_losses[LOSS_MAX];
int host_ring_full;
static struct scratch scratches[SCRATCH_MAX];
static struct {
  __u64 id;
  __u32 class;
} known_codes[1024];
static unsigned known;
static struct loop_thread host_threads[HOST_THREADS];
static struct {
  __u32 tid, slot;
} host_slots[HOST_THREADS];
static unsigned slots_used;

static void* bpf_map_lookup_elem(void* map, const void* key) {
  __u32 index;
  memcpy(&index, key, sizeof(index));
  if (map == &processes) return index == kHostPid ? &host_process : NULL;
  if (map == &scratch) return index < SCRATCH_MAX ? &scratches[index] : NULL;
  if (map == &losses) return index < LOSS_MAX ? &host_losses[index] : NULL;
  if (map == &loop_threads) return index < HOST_THREADS ? &host_threads[index] : NULL;
  for (unsigned i = 0; map == &thread_slots && i < slots_used; i++) {
    if (host_slots[i].tid == index) return &host_slots[i].slot;
  }
  if (map != &codes) return NULL;
  for (unsigned i = 0; i < known; i++) {
    if (memcmp(&known_codes[i].id, key, sizeof(__u64)) == 0) return &known_codes[i].class;
  }
  return NULL;
}

static long bpf_map_update_elem(void* map, const void* key, const void* value, __u64 flags) {
  if (map != &codes) return 0;
  if (known == sizeof(known_codes) / sizeof(known_codes[0])) return -7;
  memcpy(&known_codes[known].id, key, sizeof(__u64));
  memcpy(&known_codes[known++].class, value, sizeof(__u32));
  return 0;
}

void host_reset(void) {
  memset(&host_process, 0, sizeof(host_process));
  memset(host_losses, 0, sizeof(host_losses));
  memset(scratches, 0, sizeof(scratches));
  memset(host_threads, 0, sizeof(host_threads));
  known = 0;
  slots_used = 0;
  memset(traced_tid, 0, sizeof(traced_tid));
  host_ring_full = 0;
  host_ring_waiting = 0;
  memset(ring_shares, 0, sizeof(ring_shares));
  ring_epoch = 0;
}

int host_emit(uint32_t pid, uint32_t size) {
  static unsigned char bytes[4096];
  struct record* head = (struct record*)bytes;
  fill_head(head, RECORD_STACK, size, pid, pid, 0);
  return emit(bytes, size < sizeof(bytes) ? size : sizeof(bytes), LATER) == 0;
}

uint64_t host_refused(uint32_t pid) {
  const struct ring_share* share = share_of(pid);
  return share->pid == pid ? share->refused : 0;
}

void host_end_epoch(void) { ring_epoch++; }

void host_add_thread(uint32_t tid) {
  host_threads[slots_used].tid = tid;
  host_slots[slots_used].tid = tid;
  host_slots[slots_used].slot = slots_used;
  traced_tid[PID_SLOT(tid)] = TID_ENTRY(tid, slots_used);
  slots_used++;
}
void host_give_back_slot(uint32_t tid) { traced_tid[PID_SLOT(tid)] = TID_ENTRY_NONE; }
uint32_t host_find_thread(uint32_t tid) {
  const struct loop_thread* found = find_thread(tid);
  return found ? found->tid : 0;
}

uint32_t host_hist_bucket(uint64_t ns) { return hist_bucket(ns); }
int32_t host_fd_in_poll(uint64_t array, uint64_t count) { return fd_in_poll(array, count); }
int32_t host_fd_in_set(uint64_t count, uint64_t set) { return fd_in_set(count, set); }
int32_t host_lowest_bit(uint64_t word) { return lowest_bit(word); }

uint32_t host_copy_text(struct text* out, uint32_t at, uint64_t object, const struct py_layout* layout) {
  host_process.layout = *layout;
  const uint32_t bytes = copy_text(SCRATCH_SWITCH, kHostPid, object, at);
  *out = scratches[SCRATCH_SWITCH].text;
  return bytes;
}
const unsigned char* host_texts(void) { return scratches[SCRATCH_SWITCH].texts; }

enum host_class host_classify(const char* name, uint8_t name_width, const char* file, uint8_t file_width) {
  struct scratch* s = &scratches[SCRATCH_SWITCH];
  struct text names = {.length = strlen(name), .bytes = strlen(name), .width = name_width};
  struct text files = {.length = strlen(file), .bytes = strlen(file), .width = file_width};
  memset(s->texts, 0, sizeof(s->texts));
  memcpy(s->texts, name, names.bytes);
  memcpy(s->texts + names.bytes, file, files.bytes);
  switch (classify_code(s, &names, &files)) {
    case CODE_RUN_LOOP: return HOST_RUN_LOOP;
    case CODE_HANDLE_RUN: return HOST_HANDLE_RUN;
  }
  return HOST_PLAIN;
}

int32_t host_last_instruction(const void* frame, uint32_t size, uint64_t code, const struct py_layout* layout) {
  struct scratch* s = &scratches[SCRATCH_SWITCH];
  memcpy(s->frame_bytes, frame, size);
  s->code_address = code;
  return last_instruction(s, layout);
}

int host_collects(uint64_t tstate, uint64_t stack_id, uint32_t frames) {
  scratches[SCRATCH_SWITCH].hash = stack_id;
  scratches[SCRATCH_SWITCH].count = frames;
  host_threads[0].tstate = tstate;
  return collects(&host_threads[0], &host_process, &scratches[SCRATCH_SWITCH]);
}

int host_walk(uint64_t tstate, uint64_t thread_pointer) {
  return walk_thread(SCRATCH_SWITCH, kHostPid, kHostTid, tstate, thread_pointer);
}
const struct frame* host_frames(void) { return scratches[SCRATCH_SWITCH].frames; }
uint32_t host_stack_flags(void) { return scratches[SCRATCH_SWITCH].flags; }
enum host_verdict host_verdict(void) {
  switch (scratches[SCRATCH_SWITCH].verdict) {
    case VERDICT_LOOP: return HOST_LOOP;
    case VERDICT_NESTED: return HOST_NESTED;
  }
  return HOST_NONE;
}
uint64_t host_root_coroutine(void) { return scratches[SCRATCH_SWITCH].root_coroutine; }
uint64_t host_find_tstate(uint64_t thread_pointer) { return find_tstate(SCRATCH_SWITCH, kHostPid, thread_pointer); }
