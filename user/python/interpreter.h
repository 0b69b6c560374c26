// The CPython of a process: its version, its validated layout, and the addresses where reading starts.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "abi/config.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "python/layout.h"
#include "python/library_files.h"
#include "util/result.h"

namespace aiotrace::python {

/// The reason why there is no Python detail for a process.
enum class NoPython {
  not_python,       ///< runs no CPython at all
  unknown,          ///< a CPython of an unknown version or build: it is refused, and its loops are traced as plain ones
  not_initialized,  ///< Py_Initialize has not ended yet: try again later
  unreadable,       ///< not allowed to read it, or it has ended
};

struct InspectError : Error {
  NoPython why = NoPython::unreadable;
  std::string version;  ///< of a CPython that is refused, if known; empty: unknown
  std::string where;    ///< path of the program or libpython that holds its runtime; empty: unknown
  bool free_threaded = false;
};

/// The same as a message for a user who requested Python detail of this process: on one line, with the process's name.
[[nodiscard]] Error as_error(const InspectError& error, const proc::Process& process);

/// Addresses are the process's own; fields that process_config needs have the same names there.
struct Interpreter {
  std::string version_text;       ///< "3.11.7"; "3.8" where the patch level cannot be read; "3.13.5t" without the GIL
  std::uint32_t version_hex = 0;  ///< PY_VERSION_HEX
  Layout layout{};                ///< the target's own offsets if it has them, else the generated table's
  std::uint64_t runtime = 0;      ///< _PyRuntime
  std::uint64_t main_interpreter = 0;   ///< PyInterpreterState
  std::uint64_t interpreters_head = 0;  ///< address of the pointer to the first interpreter
  std::uint64_t gil_addr = 0;           ///< <= 3.11, else 0
  std::uint64_t gc_addr = 0;            ///< 3.8, else 0
  std::uint64_t current_tasks = 0;      ///< the dict asyncio.tasks._current_tasks (<= 3.13); 0: none yet, or 3.14+
  std::uint64_t coro_type = 0;          ///< PyCoro_Type, PyGen_Type, PyAsyncGen_Type; 0: a file without symbols
  std::uint64_t gen_type = 0;
  std::uint64_t async_gen_type = 0;
  std::uint64_t text_start = 0;  ///< executable mapping of the interpreter
  std::uint64_t text_end = 0;
  std::uint64_t asyncio_debug = 0;  ///< _Py_AsyncioModuleDebugOffsets (3.14+), 0: not mapped yet
  bool free_threaded = false;
  bool initialized = false;
  bool asyncio_loaded = false;               ///< the module asyncio.tasks is imported
  bool uvloop = false;                       ///< uvloop's extension module is mapped
  std::optional<greenlet_layout> greenlets;  ///< the extension module greenlet is mapped
  LibraryFiles libraries;                    ///< of the modules that were imported at the last look
  std::uint64_t modules = 0;                 ///< number of these modules
  /// The program's tasks are written in C and have a known layout: BPF can read their names.
  bool c_tasks = true;
  std::string where;  ///< path of the program or libpython that holds the runtime
  std::string note;   ///< what was left out, for people; empty: nothing
};

/// Costs 1 to 5 ms. Never stops the process or writes to it.
[[nodiscard]] std::expected<Interpreter, InspectError> inspect(const proc::Process& process, const proc::Maps& maps,
                                                               const proc::Memory& memory);

/// Reads again what a process can load later: asyncio, uvloop, other libraries. True if BPF needs to know a change.
/// `maps` must be fresh. Cheap if asyncio was loaded before.
bool refresh(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
             const proc::Memory& memory);

/// The data for BPF, without the fields of tasks if they are not written in C.
[[nodiscard]] py_layout layout_for_bpf(const Interpreter& interpreter);

/// Whether its threads take turns: true for all builds except a free-threaded one whose GIL is off (PYTHON_GIL=1 or a
/// module that needs the GIL switches it on). Include/internal/pycore_gil.h: with Py_GIL_DISABLED the lock begins with
/// int enabled.
[[nodiscard]] bool uses_gil(const Interpreter& interpreter, const proc::Memory& memory);

/// "3.11.7", "3.15.0rc1" of a PY_VERSION_HEX.
[[nodiscard]] std::string version_name(std::uint32_t version_hex);

}  // namespace aiotrace::python
