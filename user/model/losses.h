// All kinds of losses: the name in JSON, which always contains all of them, and the description in text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiotrace::model {

/// The first ones are those of `enum loss` in bpf/abi/config.h, in the same order (decode asserts it); the others are
/// counted in user space.
enum class Loss : std::uint8_t {
  ring_full,             ///< a record found no room in the ring buffer
  threads_full,          ///< more loop threads than the map holds
  stack_unreadable,      ///< a frame could not be read: the stack ends there
  stack_too_deep,        ///< the outermost frames of a stack are missing
  thread_unknown,        ///< no Python thread state was found for a loop thread
  name_unreadable,       ///< a code object's names could not be read
  task_unreadable,       ///< the running task could not be read
  seen_full,             ///< too many stacks or code objects: sent more than once
  switch_unseen,         ///< a switch onto a CPU that the kernel did not report: a wait's end is known to 1 ms only
  native_missing,        ///< --native: no room for a thread's native stack
  bad_record,            ///< a record that decode refused
  iteration_incomplete,  ///< a stall of which records were lost
  stack_missing,         ///< a stack that was reported by id only: its record was lost or is long gone
  native_cut,            ///< --native: a native stack that could not be followed to the thread's start
  file_too_large,        ///< a program or library, or a part of it, that would take too much memory to read
};
inline constexpr std::size_t kKernelLosses = 10;
inline constexpr std::size_t kLosses = 15;

/// The name in JSON: "ring-full".
[[nodiscard]] std::string_view name(Loss loss);

/// The text for one loss, and for several: "wait is accurate to 1 ms only", after "1 " or "3 ".
struct LossText {
  std::string_view name;
  std::string_view one;
  std::string_view many;
};
/// The text for a name of any command. Null: there is no such loss.
[[nodiscard]] const LossText* loss_text(std::string_view name);

/// Counters by Loss.
using LossCounts = std::array<std::uint64_t, kLosses>;

}  // namespace aiotrace::model
