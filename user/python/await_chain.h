// Follows the awaits of a coroutine to the end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

struct AwaitChain {
  enum class End : std::uint8_t {
    future,    ///< `target` is the future that the last link awaits
    turn,      ///< the last link yields nothing awaitable: sleep(0) and similar
    nothing,   ///< the last link runs, has not begun or has ended
    unknown,   ///< `target` is an awaitable of an unknown type; 0: unreadable
    too_deep,  ///< the chain continues behind the last link
    cyclic,    ///< the chain leads back into itself: torn or hostile memory, CPython has no such state
  };
  std::vector<Coroutine> links;  ///< the root first
  End end = End::unknown;
  std::uint64_t target = 0;

  [[nodiscard]] bool cut() const { return end == End::too_deep || end == End::cyclic; }
};

/// Python's recursion limit is 1,000 by default: because resuming the chain makes one call for each link.
inline constexpr std::size_t kMaxAwaitDepth = 2048;

/// Source of a chain's coroutines.
class CoroutineSource {
 public:
  virtual ~CoroutineSource() = default;
  /// Nothing if the object is no coroutine, generator or asynchronous generator.
  [[nodiscard]] virtual std::optional<Coroutine> at(std::uint64_t object) = 0;
};

/// At most `most` links. Empty links: `root` is no coroutine, generator or asynchronous generator.
[[nodiscard]] AwaitChain read_await_chain(AsyncioReader& reader, CoroutineSource& source, std::uint64_t root,
                                          std::size_t most);
/// Reads each link from the process, up to kMaxAwaitDepth.
[[nodiscard]] AwaitChain read_await_chain(AsyncioReader& reader, std::uint64_t root);

}  // namespace aiotrace::python
