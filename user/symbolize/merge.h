// Merges Python frames into the native frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "symbolize/unwinder.h"

namespace aiotrace::symbolize {

/// The data of a Python frame that decides its position.
struct PythonMark {
  /// C code entered the interpreter for it: `is_entry` of 3.11, the frame above a shim frame (owner
  /// FRAME_OWNED_BY_CSTACK) since 3.12.
  bool entry = false;
};

/// How Python frames share the C activations of the evaluation function.
enum class Sharing : std::uint8_t {
  one_each,  ///< up to 3.10: every Python frame has its own activation
  entries,   ///< since 3.11, with known marks: an activation runs the frames up to the next one with `entry`
  unknown,   ///< since 3.11, with unknown marks
};

struct MergedFrame {
  enum class Kind : std::uint8_t { native, python };
  Kind kind = Kind::native;
  std::size_t index = 0;  ///< index in the frames of its kind
  bool operator==(const MergedFrame&) const = default;
};

/// True for _PyEval_EvalFrameDefault and the compiler's variants of it (".cold", ".constprop.0", …): activations of
/// other functions do not run Python frames.
[[nodiscard]] bool is_evaluation(std::string_view function);

/// Both stacks and the result are innermost first. The result has every Python frame once, and every native frame
/// except the evaluations that Python frames replace. The n-th activation belongs to the n-th group of Python frames.
/// Both are counted from the outer end if both stacks reach it (an activation that has just begun has no frame yet),
/// else from the inner end. With Sharing::unknown the outermost activation gets all frames except one for each inner
/// activation. Remaining Python frames go to the innermost activation if counted from outside, else to the end. Without
/// any activation all go to the end.
[[nodiscard]] std::vector<MergedFrame> merge(const NativeStack& native, std::span<const PythonMark> python,
                                             Sharing sharing, bool python_complete = true);

}  // namespace aiotrace::symbolize
