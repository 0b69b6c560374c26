// Functions of libraries that say what a thread or a task does in them. The only place where this is written down.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "python/wait_kind.h"

namespace aiotrace::python {

/// What a frame in a function means to its reader.
enum class CodeRole : std::uint8_t {
  wait,           ///< a task waits in it
  future,         ///< Future.__await__ of the class written in Python: yields its `self`
  run_forever,    ///< the loop's machinery, outside of callbacks
  run_once,       ///< one iteration
  run_callback,   ///< a callback or a task's step begins here
  runner,         ///< starts the loop
  other_loop,     ///< the loop of a library that is not asyncio: its tasks are not read
  done_callback,  ///< called when a future is done: says what the future stands for
};

struct KnownFunction {
  std::string_view file;      ///< inside of its library: "asyncio/tasks.py"
  std::string_view function;  ///< qualified; empty: each one of the file that has no row of its own
  WaitKind wait = WaitKind::unknown;
  std::string_view call{};  ///< as the program calls it
  WaitEnd end = WaitEnd::unknown;
  bool passes = false;          ///< only stands between the program and what it waits for
  std::string_view deadline{};  ///< variable that a timer's time is in; None: no timer
  CodeRole role = CodeRole::wait;
};

/// The library that a row's file belongs to: "aiohttp" of "aiohttp/streams.py", "nest_asyncio" of "nest_asyncio.py".
[[nodiscard]] std::string_view package_of(std::string_view file);

/// All rows. Sources: Lib/asyncio of CPython 3.8 to 3.15; aiohttp 3.8 to 3.14; anyio 3.7 and
/// 4.16; websockets 10 to 15; nest_asyncio 1.5, 1.6.
[[nodiscard]] std::span<const KnownFunction> known_functions();

/// Null for a function that is not known. `qualified`: false for the bare name that code objects have before 3.11.
[[nodiscard]] const KnownFunction* find_function(std::string_view file, std::string_view function, bool qualified);

}  // namespace aiotrace::python
