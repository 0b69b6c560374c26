#include "python/frames.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "python/futures.h"
#include "python/greenlets.h"
#include "python/last_instruction.h"
#include "python/line_table.h"
#include "python/objects.h"
#include "python/text.h"

namespace aiotrace::python {

namespace {

constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxLineTable = 1u << 20;
constexpr std::uint32_t kCoroutineFlags = 0x80 | 0x100;  // CO_COROUTINE, CO_ITERABLE_COROUTINE: Include/cpython/code.h
constexpr std::uint8_t kOwnedByGenerator = 1;            // enum _frameowner

class Walk {
 public:
  Walk(const Interpreter& interpreter, const proc::Memory& memory)
      : interpreter_(interpreter), layout_(interpreter.layout.bpf), memory_(memory) {}

  std::uint64_t first(std::uint64_t tstate) const {
    auto frame = memory_.pointer(tstate + layout_.ts_frame);
    if (frame && (layout_.flags & PY_HAS_CFRAME) != 0) frame = memory_.pointer(*frame + layout_.cframe_current);
    return frame.value_or(0);
  }

  // From the first frame of a greenlet to the innermost frame of its parent; 0: there is none.
  std::uint64_t enter_parent(std::uint64_t tstate) {
    constexpr unsigned kMaxGreenlets = 8;
    if (!interpreter_.greenlets || greenlets_++ >= kMaxGreenlets) return 0;
    const GreenletParents greenlets(*interpreter_.greenlets, memory_);
    if (greenlet_ == 0) greenlet_ = greenlets.current(memory_.pointer(tstate + layout_.ts_thread_id).value_or(0));
    greenlet_ = greenlet_ != 0 ? greenlets.parent(greenlet_) : 0;
    if (greenlet_ == 0) return 0;
    spill_ = greenlets.spill(greenlet_);
    return greenlets.frame(greenlet_);
  }

  // Moves on to the caller; 0: end. Frames that are not Python code return nothing.
  std::optional<PythonFrame> step(std::uint64_t& frame) const {
    const auto at = spill_.readable(frame);
    frame = memory_.pointer(at + layout_.frame_previous).value_or(0);
    auto code = memory_.pointer(at + layout_.frame_code).value_or(0);
    if ((layout_.flags & PY_TAGGED_REFS) != 0) code &= ~std::uint64_t{3};
    if (code == 0) return std::nullopt;
    std::uint8_t owner = 0;
    if (!has_frame_objects()) {
      const auto read = memory_.read<std::uint8_t>(at + layout_.frame_owner);
      if (!read || *read >= layout_.frame_owner_shim) return std::nullopt;
      owner = *read;
    }
    return describe(at, code, owner);
  }

 private:
  [[nodiscard]] bool has_frame_objects() const { return (layout_.flags & PY_FRAME_OBJECTS) != 0; }

  [[nodiscard]] std::optional<std::int32_t> last_instruction(std::uint64_t frame, std::uint64_t code) const {
    if (has_frame_objects()) {
      const auto lasti = memory_.read<std::int32_t>(frame + layout_.frame_instr);
      if (!lasti) return std::nullopt;
      return last_instruction_bytes(layout_, *lasti);
    }
    const auto at = memory_.read<std::uint64_t>(frame + layout_.frame_instr);
    if (!at) return std::nullopt;
    const auto offset = static_cast<std::int64_t>(*at - code - layout_.code_bytecode);
    return offset < 0 || offset > INT32_MAX ? -1 : static_cast<std::int32_t>(offset);
  }

  [[nodiscard]] std::optional<PythonFrame> describe(std::uint64_t frame, std::uint64_t code, std::uint8_t owner) const {
    const auto name = memory_.pointer(code +
                                      (layout_.code_qualname != kNoOffset ? layout_.code_qualname : layout_.code_name));
    const auto file = memory_.pointer(code + layout_.code_filename);
    const auto flags = memory_.read<std::uint32_t>(code + layout_.code_flags);
    const auto first_line = memory_.read<std::uint32_t>(code + layout_.code_firstlineno);
    if (!name || !file || !flags || !first_line) return std::nullopt;
    const auto function = read_text(memory_, interpreter_.layout, *name, kMaxName);
    const auto path = read_text(memory_, interpreter_.layout, *file, kMaxName);
    if (!function || !path) return std::nullopt;
    PythonFrame result{.function = *function,
                       .file = *path,
                       .line = 0,
                       .first_line = *first_line,
                       .code = code,
                       .at = frame,
                       .lasti = last_instruction(frame, code).value_or(-1),
                       .coroutine_at = 0,
                       .coroutine = false,
                       .known = find_function(interpreter_.libraries.inside(*path), *function,
                                              layout_.code_qualname != kNoOffset)};
    if ((*flags & kCoroutineFlags) != 0) {
      if (has_frame_objects()) {
        result.coroutine_at = memory_.pointer(frame + layout_.frame_gen).value_or(0);
      } else if (owner == kOwnedByGenerator) {
        result.coroutine_at = frame - layout_.gen_iframe;
      }
      result.coroutine = result.coroutine_at != 0;
    }
    const auto table = memory_.pointer(code + layout_.code_linetable);
    const auto bytes = table ? read_bytes(memory_, interpreter_.layout, *table, kMaxLineTable) : std::nullopt;
    if (bytes && last_instruction(frame, code)) {
      const std::span raw(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size());
      result.line = line_of(interpreter_.version_hex, raw, *first_line, result.lasti).value_or(0);
    }
    return result;
  }

  const Interpreter& interpreter_;
  const py_layout& layout_;
  const proc::Memory& memory_;
  std::uint64_t greenlet_ = 0;  // greenlet whose frames are read; 0: frames of the thread's state
  unsigned greenlets_ = 0;
  Spill spill_;
};

bool is_callback(const PythonFrame& frame) {
  return frame.known != nullptr && frame.known->role == CodeRole::run_callback;
}

bool is_loop_frame(const PythonFrame& frame) {
  return is_callback(frame) || (frame.known != nullptr && (frame.known->role == CodeRole::run_once ||
                                                           frame.known->role == CodeRole::run_forever));
}

}  // namespace

std::vector<PythonFrame> read_stack(const Interpreter& interpreter, const proc::Memory& memory, std::uint64_t tstate) {
  constexpr std::size_t kMaxSteps = 2 * kMaxStack;
  Walk walk(interpreter, memory);
  std::vector<PythonFrame> stack;
  auto frame = walk.first(tstate);
  for (std::size_t i = 0; i < kMaxSteps && frame != 0 && stack.size() < kMaxStack; i++) {
    if (auto found = walk.step(frame)) stack.push_back(std::move(*found));
    if (frame == 0) frame = walk.enter_parent(tstate);
  }
  return stack;
}

const PythonFrame* root_coroutine(const std::vector<PythonFrame>& stack) {
  const PythonFrame* root = nullptr;
  for (const auto& frame : stack) {
    if (is_loop_frame(frame)) break;
    if (frame.coroutine) root = &frame;
  }
  return root;
}

std::optional<std::string> running_task_name(const Interpreter& interpreter, const proc::Memory& memory,
                                             std::uint64_t tstate, std::uint64_t coroutine_at) {
  FutureReader futures(interpreter, memory);
  std::vector<std::uint64_t> current;
  if (interpreter.layout.bpf.ts_running_task != kNoOffset) {
    current.push_back(memory.pointer(tstate + interpreter.layout.bpf.ts_running_task).value_or(0));
  } else {
    for (const auto& entry : futures.current_tasks()) current.push_back(entry.value);
  }
  for (const std::uint64_t object : current) {
    const auto task = futures.read(object);
    if (task && task->task && task->coroutine == coroutine_at) return futures.name_of(*task);
  }
  return std::nullopt;
}

bool in_callback(const std::vector<PythonFrame>& stack) {
  for (const auto& frame : stack) {
    if (frame.coroutine) return true;
    if (is_loop_frame(frame)) return is_callback(frame);
  }
  return false;
}

bool runs_loop(const std::vector<PythonFrame>& stack) {
  return std::ranges::any_of(stack, [](const PythonFrame& frame) { return frame.coroutine || is_loop_frame(frame); });
}

}  // namespace aiotrace::python
