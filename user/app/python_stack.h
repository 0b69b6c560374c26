// A stack that user space read, as the model has stacks.
#pragma once

#include <vector>

#include "model/stall.h"
#include "python/frames.h"

namespace aiotrace::app {

[[nodiscard]] inline model::Stack to_stack(const std::vector<python::PythonFrame>& frames) {
  model::Stack stack;
  stack.reserve(frames.size());
  for (const auto& frame : frames)
    stack.push_back(
        {.kind = model::Frame::Kind::python, .function = frame.function, .file = frame.file, .line = frame.line});
  return stack;
}

}  // namespace aiotrace::app
