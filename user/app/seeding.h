// Threads that were in the middle of something when aiotrace came.
#pragma once

#include <optional>
#include <vector>

#include "app/target.h"
#include "model/stall.h"
#include "probe/probe.h"

namespace aiotrace::app {

struct Seeded {
  probe::ThreadSeed seed;
  model::LoopKind kind = model::LoopKind::other;  ///< as its Python stack shows
  model::Stack stack;                             ///< of a thread in mid-iteration that waits; its id is in the seed
  std::optional<model::TaskSeen> task;            ///< that runs there
  std::optional<model::CodeSeen> code;            ///< of its root coroutine
  bool start_known = false;                       ///< the loop's own clock shows when its iteration began
  std::optional<model::Culprit> culprit;          ///< whom it waits for
  model::NativeSeen native;                       ///< of a thread that waits: its stack, but few of its registers
};

/// The threads of a process that wait in a poll now, and those that run or wait inside an iteration of their loop: only
/// threads whose Python stack shows that they run a loop. A thread whose state cannot be determined is left out: BPF
/// meets it at its next poll.
[[nodiscard]] std::vector<Seeded> threads_to_seed(Target& target);

/// A thread that was in mid-iteration when it was looked at may have polled before BPF knew it: its seed then describes
/// no iteration. BPF meets it at its next poll.
[[nodiscard]] bool has_moved_on(Target& target, const probe::ThreadSeed& seed, bool start_known);

/// What a thread inside a callback waits for that sleeps in this call, as BPF would have it.
[[nodiscard]] model::Cause cause_of_call(const Target& target, std::int32_t syscall,
                                         const std::array<std::uint64_t, 4>& arguments);

}  // namespace aiotrace::app
