// Converts a stack that user space read into a stack of the model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/stall.h"
#include "python/frames.h"
#include "util/hash.h"

namespace aiotrace::app {

[[nodiscard]] inline model::Stack to_stack(const std::vector<python::PythonFrame>& frames) {
  model::Stack stack;
  stack.reserve(frames.size());
  for (const auto& frame : frames)
    stack.push_back(
        {.kind = model::Frame::Kind::python, .function = frame.function, .file = frame.file, .line = frame.line});
  return stack;
}

/// Its id in a stack store, never 0. It differs from BPF's ids, which are hashes of other data.
[[nodiscard]] inline std::uint64_t seed_stack_id(const std::vector<python::PythonFrame>& frames) {
  std::size_t hash = 0;
  for (const auto& frame : frames) {
    hash_into(hash, frame.code);
    hash_into(hash, frame.line);
  }
  return hash | 1;
}

}  // namespace aiotrace::app
