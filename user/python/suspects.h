// Which of the objects that one look found may be leaks, and why.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "python/census.h"
#include "python/code_cache.h"

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
  std::uint64_t exception = 0;  ///< of an unread one
  std::uint64_t place = 0;      ///< the same number for all that hang at the same lines
};

/// Where suspects hang: of what each has in common, one example.
struct SuspectPlace {
  std::vector<Stepped> chain;  ///< outermost first, at most kMaxChain; empty: a future that is no task
};
inline constexpr std::size_t kMaxChain = 256;

struct Suspects {
  std::vector<Suspect> all;
  std::unordered_map<std::uint64_t, SuspectPlace> places;
  std::uint64_t untold = 0;  ///< suspended outside of every task on something that is not known: not judged
};

/// Who awaits whom.
class AwaitGraph {
 public:
  AwaitGraph(const ObjectReader& reader, const Census& census) : reader_(reader), census_(census) {}

  struct Link {
    enum class End : std::uint8_t {
      more,     ///< `next` is what it awaits
      future,   ///< `object` is the future that it awaits
      yield,    ///< a generator that gives control away: sleep(0) and the like
      running,  ///< runs, has not begun or has ended: awaits nothing
      unknown,  ///< `object` is of a type that is not known
    };
    End end = End::unknown;
    const Stepped* next = nullptr;
    std::uint64_t object = 0;
  };
  [[nodiscard]] Link follow(const Stepped& from) const;
  /// Of the census, or a generator that an await led to.
  [[nodiscard]] const Stepped* at(std::uint64_t address) const;
  /// From `first` on to the innermost, at most kMaxChain; `end` gets the last link.
  [[nodiscard]] std::vector<const Stepped*> chain(const Stepped& first, Link& end) const;

 private:
  const ObjectReader& reader_;
  const Census& census_;
  mutable std::unordered_map<std::uint64_t, Stepped> generators_;
};

/// `memory` of the reader should be the copy that the census was read from.
/// `foreign_scheduler`: something else than asyncio also runs coroutines; what only gives control away may be its own.
[[nodiscard]] Suspects find_suspects(const ObjectReader& reader, const Census& census, CodeCache& codes,
                                     bool foreign_scheduler);

/// True if it is still the same object in the same state. The reader's memory should be fresh.
[[nodiscard]] bool still_suspect(const ObjectReader& reader, const Suspect& suspect);

}  // namespace aiotrace::python
