// Which of the objects that one look found may be leaks, and why.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "python/census.h"
#include "python/wait_kind.h"

namespace aiotrace::python {

struct Suspect {
  enum class Kind : std::uint8_t { never_awaited, orphaned, stuck, unread_exception, async_generator };
  Kind kind = Kind::never_awaited;
  /// True if waiting is its nature and somebody may end it at any time: a worker at its queue, a reader of a
  /// connection.
  bool idle = false;
  /// True if a frame that runs just now may hold it, or what is left in it of an earlier call: believe it only if it
  /// was suspected before.
  bool doubtful = false;
  std::uint64_t address = 0;  ///< the coroutine, generator, task or future
  /// Says with the address that it is still the same object in the same state: of the code, the instruction, the
  /// arguments, and all that it awaits.
  std::uint64_t fingerprint = 0;
  std::uint64_t bytes = 0;
  std::uint64_t exception = 0;        ///< of an unread one
  std::uint64_t place = 0;            ///< the same number for all that hang at the same lines
  WaitKind wait = WaitKind::unknown;  ///< of one that is stuck
  std::uint64_t waits_for = 0;        ///< of one that is stuck: WaitReader::AwaitedObject
};

/// Where suspects hang: of what each has in common, one example.
struct SuspectPlace {
  std::vector<Coroutine> chain;  ///< outermost first, at most kMaxHeapChain; empty: a future that is no task
};
struct Suspects {
  std::vector<Suspect> all;
  std::unordered_map<std::uint64_t, SuspectPlace> places;
  std::uint64_t unclassified = 0;  ///< coroutines and tasks that wait for something that is not known: not judged
};

/// `memory` of the reader should be the copy that the census was read from.
/// `foreign_scheduler`: something else than asyncio also runs coroutines; what only gives control away may be its own.
[[nodiscard]] Suspects find_suspects(AsyncioReader& reader, const Census& census, bool foreign_scheduler);

/// True if it is still the same object in the same state. The reader's memory should be fresh.
[[nodiscard]] bool still_suspect(AsyncioReader& reader, const Suspect& suspect);

}  // namespace aiotrace::python
