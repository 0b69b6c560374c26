// The BPF helpers of bpf/lib and the stack walk of bpf/python.bpf.c, compiled for the host: maps are variables, the
// ring buffer and the target's memory are the test's own.
#pragma once

#include <stdint.h>

#include "abi/config.h"
#include "abi/layout.h"
#include "abi/records.h"

#ifdef __cplusplus
extern "C" {
#endif

// What the test gives.
int host_read_user(void* to, uint32_t size, uint64_t address);
void host_take_record(const void* record, uint64_t size);

// State, set back by host_reset().
extern struct process_config host_process;  // of kHostPid
extern uint64_t host_losses[LOSS_MAX];
extern int host_ring_full;
extern uint64_t host_ring_waiting;  // bytes in the ring
enum { HOST_RING_BYTES = 1 << 20 };
enum { kHostPid = 1000, kHostTid = 1001 };
void host_reset(void);

// The table of threads; at most HOST_THREADS.
enum { HOST_THREADS = 4 };
void host_add_thread(uint32_t tid);
void host_give_back_slot(uint32_t tid);
uint32_t host_find_thread(uint32_t tid);  // its tid; 0: not there

// Helpers.
uint32_t host_hist_bucket(uint64_t ns);
int32_t host_fd_in_poll(uint64_t array, uint64_t count);
int32_t host_fd_in_set(uint64_t count, uint64_t set);
int32_t host_lowest_bit(uint64_t word);
uint32_t host_copy_text(struct text* out, uint32_t at, uint64_t object, const struct py_layout* layout);
const unsigned char* host_texts(void);
enum host_class { HOST_PLAIN, HOST_RUN_LOOP, HOST_HANDLE_RUN };
enum host_class host_classify(const char* name, uint8_t name_width, const char* file, uint8_t file_width);
// Of a frame whose first bytes are these, in a code object at that address.
int32_t host_last_instruction(const void* frame, uint32_t size, uint64_t code, const struct py_layout* layout);

// Emits a record of `size` bytes, 4096 at most, of that process: has it found room?
int host_emit(uint32_t pid, uint32_t size);
uint64_t host_refused(uint32_t pid);
void host_end_epoch(void);

// Of one thread, each time with the state and the stack that it has then.
int host_collects(uint64_t tstate, uint64_t stack_id, uint32_t frames);

// The walk; frames found.
int host_walk(uint64_t tstate, uint64_t thread_pointer);
const struct frame* host_frames(void);
uint32_t host_stack_flags(void);
enum host_verdict { HOST_NONE, HOST_LOOP, HOST_NESTED };
enum host_verdict host_verdict(void);
uint64_t host_root_coroutine(void);
uint64_t host_find_tstate(uint64_t thread_pointer);

#ifdef __cplusplus
}
#endif
