// Python frames in their place among the native ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "symbolize/unwinder.h"

namespace aiotrace::symbolize {

/// A Python frame as far as its place matters.
struct PythonMark {
  /// The interpreter entered it from C: `is_entry` of 3.11, the frame above a shim frame (owner FRAME_OWNED_BY_CSTACK)
  /// since 3.12.
  bool entry = false;
};

/// How Python frames share the activations of the evaluation function in C.
enum class Sharing : std::uint8_t {
  one_each,  ///< up to 3.10: every Python frame has its own
  entries,   ///< since 3.11, marks known: one runs the frames up to the next with `entry`
  unknown,   ///< since 3.11, marks not known
};

struct MergedFrame {
  enum class Kind : std::uint8_t { native, python };
  Kind kind = Kind::native;
  std::size_t index = 0;  ///< in the frames of its kind
  bool operator==(const MergedFrame&) const = default;
};

/// True for _PyEval_EvalFrameDefault and what compilers make of it (".cold", ".constprop.0", …): no other function's
/// activation runs Python frames.
[[nodiscard]] bool is_evaluation(std::string_view function);

/// Both innermost first, as is the result: every Python frame once, and every native frame but the evaluations that
/// Python frames stand for. The n-th activation goes with the n-th group of Python frames, counted from the outer end
/// when both stacks reach it (an activation that has just begun has no frame yet), else from the inner one. With
/// Sharing::unknown the outermost activation gets all frames but one for each inner one. Python frames that are left
/// over go to the innermost activation when counted from outside, else behind everything, as all do without any
/// activation.
[[nodiscard]] std::vector<MergedFrame> merge(const NativeStack& native, std::span<const PythonMark> python,
                                             Sharing sharing, bool python_complete = true);

}  // namespace aiotrace::symbolize
