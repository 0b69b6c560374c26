// The origin of a Python frame's code: the program itself, an installed package, or the standard library.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/stall.h"

namespace aiotrace::model {

enum class Origin : std::uint8_t {
  program,           ///< neither of the others
  package,           ///< below site-packages or dist-packages
  standard_library,  ///< in the interpreter's own library folder (lib/python3.X), or frozen into it
};

/// Decided only by the path of a code object: the file is not read.
struct FileOrigin {
  Origin origin = Origin::program;
  /// Path below its folder, without ".py" or "/__init__": "requests/api", "asyncio/events", "importlib._bootstrap"
  /// (frozen modules have dots). It is a part of `file`; empty for the program's own code.
  std::string_view module;

  /// The usual name of the code, the first part of `module`: "requests", "asyncio", "importlib".
  [[nodiscard]] std::string_view package() const { return module.substr(0, module.find_first_of("/.")); }
};
[[nodiscard]] FileOrigin origin_of(std::string_view file);

/// The first of the frames (innermost first) in the program's own files, else the first in a package, else the first;
/// `file_of` gives a frame's file. The end iterator if there are no frames.
template <class Iterator, class FileOf>
[[nodiscard]] Iterator find_own(Iterator begin, Iterator end, FileOf file_of) {
  Iterator package = end;
  for (auto at = begin; at != end; ++at) {
    const auto origin = origin_of(file_of(*at)).origin;
    if (origin == Origin::program) return at;
    if (origin == Origin::package && package == end) package = at;
  }
  return package != end ? package : begin;
}

/// A frame of the loop itself, inside of which its callbacks run: `Handle._run`, `BaseEventLoop.run_forever`,
/// `Runner.run`. What stands outside of it (a server's console script) started the loop, and is no place of a stall.
[[nodiscard]] bool runs_callbacks(const Frame& frame);

/// The frame of a stack to name: find_own() of its Python frames inside of those that run callbacks. Null: it has none
/// of Python.
[[nodiscard]] const Frame* own_frame(const Stack& stack);

}  // namespace aiotrace::model
