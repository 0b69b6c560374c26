// Which mapped file of a process is the CPython interpreter, and where its runtime lies.
#pragma once

#include <cstdint>
#include <string>

#include "proc/elf_image.h"
#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"

namespace aiotrace::python {

/// All addresses are the process's own; 0: not found.
struct RuntimeImage {
  std::string path;                  ///< path in the process's map
  std::string name;                  ///< SONAME, else the file's name
  std::uint64_t runtime = 0;         ///< _PyRuntime
  std::uint64_t version = 0;         ///< Py_Version (3.11+)
  std::uint64_t code_type = 0;       ///< PyCode_Type
  std::uint64_t coro_type = 0;       ///< PyCoro_Type
  std::uint64_t gen_type = 0;        ///< PyGen_Type
  std::uint64_t async_gen_type = 0;  ///< PyAsyncGen_Type
  std::uint64_t type_type = 0;       ///< PyType_Type
  std::uint64_t asyncio_debug = 0;   ///< section .AsyncioDebug (3.15+: in this file, not in _asyncio's)
  std::uint64_t text_start = 0;      ///< the executable mapping
  std::uint64_t text_end = 0;
  bool is_python = false;  ///< exports Py_GetVersion: it is a Python even if no runtime was found (before 3.7)
};

/// Looks in the program's own file first, then in every mapped libpython: by symbol, by section (.PyRuntime, 3.10+), by
/// the cookie at the runtime's start (3.13+). `runtime` is 0 if the process has none. Errors: a file that must be read
/// cannot be opened.
[[nodiscard]] Result<RuntimeImage> find_runtime(const proc::Process& process, const proc::Maps& maps,
                                                const proc::Memory& memory);

/// Where a section of a mapped file lies in the process; 0 when the file has none.
[[nodiscard]] std::uint64_t section_address(const proc::Process& process, const proc::Maps& maps,
                                            const proc::Mapping& mapping, std::string_view section);

}  // namespace aiotrace::python
