/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_ABI_LAYOUT_H
#define AIOTRACE_ABI_LAYOUT_H

#include <linux/types.h>

/* Value of an offset that this version of CPython does not have. */
#define PY_NO_OFFSET 0xffffffffu

enum py_layout_flags {
	/* 3.8-3.10: frames are PyFrameObject, `frame_instr` is the i32 f_lasti. */
	PY_FRAME_OBJECTS = 1u << 0,
	/* 3.10: f_lasti counts code units, not bytes. */
	PY_LASTI_IN_UNITS = 1u << 1,
	/* 3.14+: f_executable and stack references carry two tag bits. */
	PY_TAGGED_REFS = 1u << 2,
	/* ts_frame holds a pointer to a CFrame; the frame is at +cframe_current (3.11, 3.12). */
	PY_HAS_CFRAME = 1u << 3,
	/* Py_GIL_DISABLED: PyObject has 32 bytes, the collector has no lists. */
	PY_FREE_THREADED = 1u << 4,
};

/*
 * The end of struct _gil_runtime_state (Python/ceval_gil.h, Include/internal/pycore_gil.h, 3.8 to
 * 3.15): cond and mutex, then switch_cond and switch_mutex. A thread that wants the GIL waits on
 * cond, and may then wait for mutex if the thread that has mutex was preempted. A thread that hands
 * the GIL over waits on switch_cond. So the locks of the GIL end two pthread_mutex_t and one
 * pthread_cond_t behind gil_mutex; the sizes of these types depend on the machine.
 */

/*
 * Byte offsets into the structures of one CPython build. User space fills them in and validates
 * them; BPF reads them. Every offset is below 1 MiB or PY_NO_OFFSET.
 */
struct py_layout {
	__u32 version; /* PY_VERSION_HEX: 0x030b07f0 is 3.11.7 final */
	__u32 flags; /* enum py_layout_flags */

	__u32 interp_next; /* PyInterpreterState */
	__u32 interp_threads_head;
	/*
	 * struct _gc_runtime_state inside PyInterpreterState; PY_NO_OFFSET: it is in the runtime
	 * (3.8)
	 */
	__u32 interp_gc;
	/* pointer to the GIL (3.12+); PY_NO_OFFSET: use process_config.gil_addr */
	__u32 interp_gil_ptr;

	__u32 ts_next; /* PyThreadState */
	__u32 ts_interp;
	__u32 ts_thread_id; /* pthread_self() */
	__u32 ts_frame; /* current_frame, frame (3.8-3.10) or cframe (3.11, 3.12) */
	__u32 cframe_current; /* CFrame.current_frame */
	__u32 ts_running_task; /* _PyThreadStateImpl.asyncio_running_task (3.14+) */

	__u32 frame_previous; /* _PyInterpreterFrame or PyFrameObject */
	__u32 frame_code; /* f_code, f_executable */
	__u32 frame_instr; /* prev_instr, instr_ptr or f_lasti */
	__u32 frame_owner; /* i8; PY_NO_OFFSET before 3.11 */
	/* frames with this owner or a larger one are not Python frames (3.12+) */
	__u32 frame_owner_shim;
	__u32 frame_gen; /* f_gen (3.8-3.10) */
	__u32 frame_localsplus;

	__u32 code_flags; /* PyCodeObject */
	__u32 code_firstlineno;
	__u32 code_filename;
	__u32 code_name;
	__u32 code_qualname; /* PY_NO_OFFSET before 3.11 */
	__u32 code_linetable; /* co_lnotab in 3.8, 3.9 */
	__u32 code_bytecode; /* co_code_adaptive; PY_NO_OFFSET before 3.11 */

	__u32 gen_iframe; /* from a generator or coroutine to the frame embedded in it (3.11+) */
	__u32 gen_name;
	__u32 gen_qualname;

	__u32 task_coro; /* _asyncio.Task */
	__u32 task_name;
	__u32 task_size; /* the tp_basicsize for which these offsets are valid */

	__u32 obj_type; /* PyObject.ob_type */
	__u32 unicode_length; /* PyASCIIObject */
	__u32 unicode_state;
	__u32 unicode_ascii_data; /* characters of a compact ASCII string */
	__u32 unicode_compact_data; /* characters of any other compact string */
	__u32 bytes_size; /* PyBytesObject.ob_size */
	__u32 bytes_data;
	__u32 long_digits; /* PyLongObject: first u32 digit (30 bits each) */
	__u32 dict_keys; /* PyDictObject.ma_keys */
	__u32 keys_log2_size; /* u8 dk_log2_size (3.11+); PY_NO_OFFSET: i64 dk_size at 8 */
	__u32 keys_log2_index_bytes; /* u8 (3.11+) */
	__u32 keys_nentries;
	__u32 keys_indices;

	__u32 gil_last_holder; /* struct _gil_runtime_state */
	__u32 gil_locked;
	/* the futexes of waiting threads are between this offset and the end of the locks */
	__u32 gil_cond;
	__u32 gil_mutex;
	__u32 gc_collecting; /* struct _gc_runtime_state: i32 */
};

#ifdef __cplusplus
static_assert(sizeof(struct py_layout) == 50 * 4);
#else
_Static_assert(sizeof(struct py_layout) == 50 * 4, "both sides must agree");
#endif

#endif
