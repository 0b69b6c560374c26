// The CPython of a process: its version, its validated layout, and where to start reading.
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

/// Why there is no Python detail for a process.
enum class NoPython {
  not_python,       ///< runs no CPython at all
  unknown,          ///< a CPython of a version or build that is not known: refused, its loops are traced as plain ones
  not_initialized,  ///< has not come to Py_Initialize's end: ask again later
  unreadable,       ///< not allowed to read it, or it ended meanwhile
};

struct InspectError : Error {
  NoPython why = NoPython::unreadable;
  std::string version;  ///< of a CPython that is refused, as far as it is known; empty: unknown
  std::string where;    ///< path of the program or libpython that holds its runtime; empty: unknown
  bool free_threaded = false;
};

/// The same for a user who asked for Python detail of this process: on one line, with its name.
[[nodiscard]] Error as_error(const InspectError& error, const proc::Process& process);

/// Addresses are the process's own; what process_config wants has its names.
struct Interpreter {
  std::string version_text;       ///< "3.11.7"; "3.8" where the patch level cannot be read; "3.13.5t" without the GIL
  std::uint32_t version_hex = 0;  ///< PY_VERSION_HEX
  Layout layout{};                ///< the target's own offsets where it has them, else the generated table's
  std::uint64_t runtime = 0;      ///< _PyRuntime
  std::uint64_t main_interpreter = 0;   ///< PyInterpreterState
  std::uint64_t interpreters_head = 0;  ///< address of the pointer
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
  LibraryFiles libraries;                    ///< of the modules imported when it was last looked at
  std::uint64_t modules = 0;                 ///< how many these were
  /// The program's tasks are those written in C, of a layout that is known: BPF can read their names.
  bool c_tasks = true;
  std::string where;  ///< path of the program or libpython that holds the runtime
  std::string note;   ///< what had to be left out, for people; empty: nothing
};

/// Costs 1 to 5 ms. Never stops the process or writes to it.
[[nodiscard]] std::expected<Interpreter, InspectError> inspect(const proc::Process& process, const proc::Maps& maps,
                                                               const proc::Memory& memory);

/// Looks again for what a process can load later: asyncio, uvloop, other libraries. True if anything changed that BPF
/// has to know. `maps` must be fresh. Cheap when asyncio was loaded before.
bool refresh(Interpreter& interpreter, const proc::Process& process, const proc::Maps& maps,
             const proc::Memory& memory);

/// What BPF is to know: without the fields of tasks where they are not C's.
[[nodiscard]] py_layout layout_for_bpf(const Interpreter& interpreter);

/// Whether its threads take turns: all builds but a free-threaded one whose GIL is off (PYTHON_GIL=1 or a module
/// that needs it switches it on). Include/internal/pycore_gil.h: with Py_GIL_DISABLED the lock begins with int enabled.
[[nodiscard]] bool uses_gil(const Interpreter& interpreter, const proc::Memory& memory);

/// "3.11.7", "3.15.0rc1" of a PY_VERSION_HEX.
[[nodiscard]] std::string version_name(std::uint32_t version_hex);

}  // namespace aiotrace::python
