// Library functions that show what a thread or a task does in them. They are listed only here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "python/wait_kind.h"

namespace aiotrace::python {

/// What a frame in such a function means.
enum class CodeRole : std::uint8_t {
  wait,           ///< a task waits in it
  future,         ///< Future.__await__ of the class written in Python: it yields `self`
  run_forever,    ///< the loop's machinery, outside of callbacks
  run_once,       ///< it runs one iteration
  run_callback,   ///< a callback or a task's step begins here
  runner,         ///< it starts the loop
  other_loop,     ///< it is the loop of another library than asyncio: its tasks are not read
  done_callback,  ///< it is called when a future is done, and shows what the future stands for
};

struct KnownFunction {
  std::string_view file;      ///< path inside its library: "asyncio/tasks.py"
  std::string_view function;  ///< qualified name; empty: all functions of the file without a row of their own
  WaitKind wait = WaitKind::unknown;
  std::string_view call{};  ///< name as the program calls it
  WaitEnd end = WaitEnd::unknown;
  bool passes = false;          ///< it only passes the wait on to another function
  std::string_view deadline{};  ///< variable that holds a timer's time; None: no timer
  CodeRole role = CodeRole::wait;
};

/// The library that a row's file belongs to: "aiohttp" of "aiohttp/streams.py", "nest_asyncio" of "nest_asyncio.py".
[[nodiscard]] std::string_view package_of(std::string_view file);

/// All rows. Sources: Lib/asyncio of CPython 3.8 to 3.15; aiohttp 3.8 to 3.14; anyio 3.7 and
/// 4.16; websockets 10 to 15; nest_asyncio 1.5, 1.6.
[[nodiscard]] std::span<const KnownFunction> known_functions();

/// Null for an unknown function. `qualified`: false for the bare name that code objects have before 3.11.
[[nodiscard]] const KnownFunction* find_function(std::string_view file, std::string_view function, bool qualified);

}  // namespace aiotrace::python
