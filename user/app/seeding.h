// Threads that were inside an iteration or a poll at the attach.
#pragma once

#include <optional>
#include <vector>

#include "app/target.h"
#include "model/stall.h"
#include "probe/probe.h"

namespace aiotrace::app {

struct Seeded {
  probe::ThreadSeed seed;
  model::LoopKind kind = model::LoopKind::other;  ///< according to its Python stack
  model::Stack stack;                             ///< of a thread that waits inside an iteration; its id is in the seed
  std::optional<model::TaskSeen> task;            ///< the task that runs in it
  std::optional<model::CodeSeen> code;            ///< of its root coroutine
  bool start_known = false;                       ///< the loop's own clock shows when its iteration began
  std::optional<model::Culprit> culprit;          ///< target of the wait
  model::NativeSeen native;                       ///< of a thread that waits: its stack, but only a few registers
};

/// The threads of a process that wait in a poll now, and those that run or wait inside an iteration of their loop: only
/// threads whose Python stack shows that they run a loop. A thread in an unknown state is left out: BPF recognizes it
/// at its next poll.
[[nodiscard]] std::vector<Seeded> threads_to_seed(Target& target);

/// A thread that was read inside an iteration may have polled before BPF knew it: then its seed does not describe its
/// present iteration. BPF recognizes it at its next poll.
[[nodiscard]] bool has_moved_on(Target& target, const probe::ThreadSeed& seed, bool start_known);

/// The cause for a thread inside a callback that sleeps in this system call, as BPF would report it.
[[nodiscard]] model::Cause cause_of_call(const Target& target, std::int32_t syscall,
                                         const std::array<std::uint64_t, 4>& arguments);

}  // namespace aiotrace::app
