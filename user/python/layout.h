// Offsets of the structures of one CPython version.
#pragma once

#include <cstdint>
#include <span>

#include "abi/layout.h"

namespace aiotrace::python {

/// Value of an offset that this version does not have.
inline constexpr std::uint32_t kNoOffset = PY_NO_OFFSET;

/// Offsets and sizes of CPython's structures that only user space needs, in addition to `py_layout`.
struct UserLayout {
  // _PyRuntimeState
  std::uint32_t runtime_interpreters_head;
  std::uint32_t runtime_initialized;  ///< int, 1 after Py_Initialize
  std::uint32_t runtime_gil;          ///< struct _gil_runtime_state inside it (<= 3.11)
  std::uint32_t runtime_gc;           ///< struct _gc_runtime_state inside it (3.8)
  std::uint32_t runtime_size;

  // PyInterpreterState
  std::uint32_t interp_id;
  std::uint32_t interp_modules;     ///< the dict sys.modules
  std::uint32_t interp_sysdict;     ///< the dict of the module sys
  std::uint32_t interp_tasks_head;  ///< llist head of tasks of ended threads (3.14+)
  std::uint32_t interp_size;

  // PyThreadState, _PyThreadStateImpl
  std::uint32_t ts_native_thread_id;  ///< u64 tid in the target's pid namespace (3.11+)
  std::uint32_t ts_dict;              ///< the thread's dict of extensions; null: it has none
  std::uint32_t ts_running_loop;      ///< 3.13+
  std::uint32_t ts_tasks_head;        ///< llist head of the thread's tasks (3.14+)
  std::uint32_t ts_size;

  // struct _gc_runtime_state
  std::uint32_t gc_generations;  ///< PyGC_Head[3], gc_generation_size apart
  std::uint32_t gc_generation_size;
  std::uint32_t gc_permanent;  ///< PyGC_Head of frozen objects

  // PyTypeObject, PyHeapTypeObject
  std::uint32_t type_name;  ///< char*
  std::uint32_t type_basicsize;
  std::uint32_t type_flags;  ///< unsigned long
  std::uint32_t type_base;
  std::uint32_t type_dict;
  std::uint32_t type_dictoffset;
  std::uint32_t type_mro;
  std::uint32_t heap_type_cached_keys;
  std::uint32_t heap_type_size;

  // Objects
  std::uint32_t dict_used;
  std::uint32_t dict_values;
  std::uint32_t keys_kind;       ///< u8 dk_kind (3.11+)
  std::uint32_t values_data;     ///< from PyDictValues to the first value
  std::uint32_t values_valid;    ///< u8, inline values are in use (3.13+)
  std::uint32_t managed_dict;    ///< bytes before the object to its dict pointer (3.11+)
  std::uint32_t managed_values;  ///< bytes before the object to its values pointer (3.11)
  std::uint32_t set_fill;
  std::uint32_t set_used;
  std::uint32_t set_mask;
  std::uint32_t set_table;
  std::uint32_t cell_value;
  std::uint32_t float_value;
  std::uint32_t function_code;
  std::uint32_t function_closure;  ///< a tuple of cells, or null
  std::uint32_t weakref_object;
  std::uint32_t module_dict;
  std::uint32_t list_items;
  std::uint32_t tuple_items;
  std::uint32_t method_self;  ///< PyCFunctionObject.m_self
  std::uint32_t long_tag;     ///< ob_size (<= 3.11) or lv_tag
  std::uint32_t unicode_kind_shift;
  std::uint32_t unicode_compact_bit;
  std::uint32_t unicode_ascii_bit;

  // Frames, code, coroutines
  std::uint32_t frame_stacktop;    ///< f_stacktop (3.8, 3.9), f_stackdepth (3.10), i32 stacktop, stackpointer (3.14+)
  std::uint32_t frame_valuestack;  ///< 3.8-3.10
  std::uint32_t frame_state;       ///< i8 f_executing (3.8, 3.9) or f_state (3.10)
  std::uint32_t frame_size;
  std::uint32_t code_size;      ///< tp_basicsize of PyCode_Type
  std::uint32_t code_code;      ///< the bytes co_code (3.8-3.10)
  std::uint32_t code_varnames;  ///< tuple of the names of frame_localsplus: co_varnames, co_localsplusnames (3.11+)
  std::uint32_t coro_frame;     ///< cr_frame (3.8-3.10)
  std::uint32_t coro_code;      ///< cr_code (3.8-3.11)
  std::uint32_t coro_origin;
  std::uint32_t coro_state;  ///< i8 cr_frame_state (3.11+)
  std::uint32_t coro_size;   ///< tp_basicsize of PyCoro_Type

  // _asyncio.Task; to task_awaited_by_is_set also _asyncio.Future, except for task_waiter
  std::uint32_t task_loop;
  std::uint32_t task_state;  ///< i32: 0 pending, 1 cancelled, 2 finished
  std::uint32_t task_waiter;
  std::uint32_t task_callback;  ///< the first done callback, or null
  std::uint32_t task_exception;
  std::uint32_t task_result;
  std::uint32_t task_log_tb;             ///< bit 0: the exception was not retrieved
  std::uint32_t task_awaited_by;         ///< an object or a set of them (3.14+)
  std::uint32_t task_awaited_by_is_set;  ///< u8 (3.14+)
  std::uint32_t task_node;
};

/// One version's table.
struct Layout {
  py_layout bpf;
  UserLayout user;
};

/// The generated tables, one for each minor version (two where a patch release moved something, another one for its
/// free-threaded build), ascending.
[[nodiscard]] std::span<const Layout> known_layouts();

/// The table for a version: of the same minor version, the newest table that is not newer than the version's patch
/// level, else the oldest. Null for an unknown minor version, or for a minor version that is unknown as a free-threaded
/// build.
[[nodiscard]] const Layout* layout_for(std::uint32_t version_hex, bool free_threaded = false);

}  // namespace aiotrace::python
