// Everything that can get lost, by the name a user sees. All are always shown, zero too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiotrace::model {

/// The first ones are those of `enum loss` in bpf/abi/config.h, in its order (decode asserts it); the rest is counted
/// in user space.
enum class Loss : std::uint8_t {
  ring_full,             ///< a record found no room in the ring buffer
  threads_full,          ///< more loop threads than the map holds
  stack_unreadable,      ///< a frame could not be read: the stack ends there
  stack_too_deep,        ///< the outermost frames of a stack are missing
  thread_unknown,        ///< no Python thread state was found for a loop thread
  name_unreadable,       ///< a code object's names could not be read
  task_unreadable,       ///< the running task could not be read
  seen_full,             ///< too many stacks or code objects: sent more than once
  switch_unseen,         ///< a switch onto a CPU that the kernel did not tell of: a wait's end is known to 1 ms only
  native_missing,        ///< --native: no room for a thread's native stack
  bad_record,            ///< a record that decode refused
  iteration_incomplete,  ///< a stall of which records were lost
  stack_missing,         ///< a stack that was told by id only: its record was lost or is long gone
  native_cut,            ///< --native: a native stack that could not be followed to the thread's start
};
inline constexpr std::size_t kKernelLosses = 10;
inline constexpr std::size_t kLosses = 14;

/// The name as in text and JSON: "ring-full".
[[nodiscard]] std::string_view name(Loss loss);

/// Counters by Loss.
using LossCounts = std::array<std::uint64_t, kLosses>;

}  // namespace aiotrace::model
