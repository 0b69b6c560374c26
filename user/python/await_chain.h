// From a coroutine along what it awaits, to the end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

struct AwaitChain {
  enum class End : std::uint8_t {
    future,    ///< `target` is the future that the last link awaits
    turn,      ///< the last link has given control away: sleep(0) and the like
    nothing,   ///< the last link runs, has not begun or has ended
    unknown,   ///< `target` is an awaitable of a type that is not known; 0: unreadable
    too_deep,  ///< goes on behind the last link
    cyclic,    ///< leads back into itself: torn or hostile memory, CPython has no such state
  };
  std::vector<Coroutine> links;  ///< the root first
  End end = End::unknown;
  std::uint64_t target = 0;

  [[nodiscard]] bool cut() const { return end == End::too_deep || end == End::cyclic; }
};

/// Python's recursion limit is 1,000 by default: each link is one more call when the chain is resumed.
inline constexpr std::size_t kMaxAwaitDepth = 2048;

/// Where a chain's coroutines are read from.
class CoroutineSource {
 public:
  virtual ~CoroutineSource() = default;
  /// Nothing for what is no coroutine, generator or asynchronous generator.
  [[nodiscard]] virtual std::optional<Coroutine> at(std::uint64_t object) = 0;
};

/// At most `most` links. Empty links: `root` is no coroutine, generator or asynchronous generator.
[[nodiscard]] AwaitChain read_await_chain(AsyncioReader& reader, CoroutineSource& source, std::uint64_t root,
                                          std::size_t most);
/// Each link from the process, up to kMaxAwaitDepth.
[[nodiscard]] AwaitChain read_await_chain(AsyncioReader& reader, std::uint64_t root);

}  // namespace aiotrace::python
