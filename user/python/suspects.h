// Decides which objects of one scan may be leaks, and why.
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
  /// True if the object is made to wait, and somebody may end the wait at any time: a worker at its queue, a reader of
  /// a connection.
  bool idle = false;
  /// True if a running frame may hold it, or holds a rest of it from an earlier call: only believe it if it was
  /// suspected before.
  bool doubtful = false;
  std::uint64_t address = 0;  ///< the coroutine, generator, task or future
  /// Identifies, together with the address, the same object in the same state: made from the code, the instruction, the
  /// arguments, and everything that it awaits.
  std::uint64_t fingerprint = 0;
  std::uint64_t bytes = 0;
  std::uint64_t exception = 0;        ///< exception of an unread future
  std::uint64_t place = 0;            ///< the same number for all objects that hang at the same lines
  WaitKind wait = WaitKind::unknown;  ///< of a stuck object
  std::uint64_t waits_for = 0;        ///< of a stuck object: WaitReader::AwaitedObject
};

/// Where suspects hang: an example for each place.
struct SuspectPlace {
  std::vector<Coroutine> chain;  ///< outermost first, at most kMaxHeapChain; empty: a future that is no task
};
struct Suspects {
  std::vector<Suspect> all;
  std::unordered_map<std::uint64_t, SuspectPlace> places;
  std::uint64_t unclassified = 0;  ///< coroutines and tasks that wait for something unknown: not judged
};

/// `memory` of the reader should be the copy that the census was read from. `foreign_scheduler`: another library than
/// asyncio also runs coroutines, so coroutines that only yield may belong to it.
[[nodiscard]] Suspects find_suspects(AsyncioReader& reader, const Census& census, bool foreign_scheduler);

/// True if it is still the same object in the same state. The reader's memory should be fresh.
[[nodiscard]] bool still_suspect(AsyncioReader& reader, const Suspect& suspect);

}  // namespace aiotrace::python
