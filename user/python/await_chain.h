// From a coroutine along what it awaits, to the end.
#pragma once

#include <cstdint>
#include <vector>

#include "python/code_cache.h"
#include "python/coroutine.h"
#include "python/frames.h"

namespace aiotrace::python {

struct AwaitChain {
  std::vector<Coroutine> links;  ///< the root first, at most kMaxAwaitDepth
  /// What the last link awaits, and what is no coroutine itself: a future, a task, an object with an __await__ of its
  /// own. 0: the last link is not suspended in an await (running, created, finished, a plain yield), or `cut`.
  std::uint64_t target = 0;
  bool too_deep = false;  ///< goes on behind the last link
  bool cyclic = false;    ///< leads back into itself: torn or hostile memory, CPython has no such state
};

/// Python's recursion limit is 1,000 by default: each link is one more call when the chain is resumed.
inline constexpr std::size_t kMaxAwaitDepth = 2048;

/// Empty links: `root` is no coroutine, generator or asynchronous generator.
[[nodiscard]] AwaitChain read_await_chain(CoroutineReader& reader, std::uint64_t root);

/// As a stack of what is suspended, innermost first. Links without a code object are left out.
[[nodiscard]] std::vector<PythonFrame> frames_of(const AwaitChain& chain, CodeCache& codes);

}  // namespace aiotrace::python
