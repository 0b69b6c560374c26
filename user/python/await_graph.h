// Who awaits whom, among the coroutines and generators of one look at the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "python/census.h"

namespace aiotrace::python {

inline constexpr std::size_t kMaxChain = 256;

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

}  // namespace aiotrace::python
