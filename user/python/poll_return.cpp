#include "python/poll_return.h"

#include <algorithm>
#include <string_view>

#include "python/containers.h"
#include "python/objects.h"

namespace aiotrace::python {
namespace {

bool is_run_once(const PythonFrame& frame) { return frame.known != nullptr && frame.known->role == CodeRole::run_once; }

/// The object that a local variable of a frame holds; nothing if the variable is not set yet.
std::optional<std::uint64_t> local_variable(const Objects& objects, const PythonFrame& frame, std::string_view name) {
  // _run_once has a dozen.
  constexpr std::size_t kMaxLocals = 256;
  constexpr std::uint64_t kTags = 3;  // of a stack reference, 3.14+
  const auto& layout = objects.layout();
  const auto tuple = objects.memory().pointer(frame.code + layout.user.code_varnames);
  const auto names = tuple ? tuple_items(objects, *tuple) : std::nullopt;
  if (!names || names->size() > kMaxLocals) return std::nullopt;
  for (std::size_t i = 0; i < names->size(); ++i) {
    if (objects.text((*names)[i], name.size() + 1) != name) continue;
    const auto value = objects.memory().pointer(frame.at + layout.bpf.frame_localsplus + 8 * i);
    if (!value) return std::nullopt;
    return (layout.bpf.flags & PY_TAGGED_REFS) != 0 ? *value & ~kTags : *value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> poll_returned_ns(const Interpreter& interpreter, const proc::Memory& memory,
                                              const std::vector<PythonFrame>& stack, std::uint64_t now_ns) {
  constexpr double kNsPerSecond = 1e9;
  const auto frame = std::ranges::find_if(stack, is_run_once);
  if (frame == stack.end() || frame->at == 0) return std::nullopt;
  const Objects objects(memory, interpreter.layout);
  const auto object = local_variable(objects, *frame, "end_time");
  const auto seconds = object ? float_value(objects, *object) : std::nullopt;
  // Written so that NaN is refused.
  if (!seconds || !(*seconds > 0 && *seconds * kNsPerSecond <= static_cast<double>(now_ns))) return std::nullopt;
  return static_cast<std::uint64_t>(*seconds * kNsPerSecond);
}

}  // namespace aiotrace::python
