#include "python/await_chain.h"

#include <ranges>
#include <unordered_set>

namespace aiotrace::python {

AwaitChain read_await_chain(CoroutineReader& reader, std::uint64_t root) {
  // asend() and the like wrap once; more in a row is nothing that a program can write.
  constexpr unsigned kMaxWrappers = 4;
  constexpr std::size_t kLinear = 16;  // nearly every chain: no set is needed to see that it has no cycle
  AwaitChain chain;
  std::unordered_set<std::uint64_t> seen;
  std::uint64_t object = root;
  while (object != 0) {
    for (unsigned i = 0; i < kMaxWrappers && reader.kind_of(object) == AwaitableKind::wrapper; ++i) {
      const std::uint64_t behind = reader.unwrap(object);
      if (behind == 0) break;
      object = behind;
    }
    bool again = false;
    if (chain.links.size() <= kLinear) {
      for (const Coroutine& link : chain.links) again = again || link.object == object;
    } else {
      if (seen.empty()) {
        for (const Coroutine& link : chain.links) seen.insert(link.object);
      }
      again = !seen.insert(object).second;
    }
    if (again) {
      chain.cyclic = true;
      return chain;
    }
    const auto link = reader.read(object);
    if (!link) {
      if (!chain.links.empty()) chain.target = object;
      return chain;
    }
    if (chain.links.size() == kMaxAwaitDepth) {
      chain.too_deep = true;
      return chain;
    }
    chain.links.push_back(*link);
    object = link->awaits;
  }
  return chain;
}

std::vector<PythonFrame> frames_of(const AwaitChain& chain, CodeCache& codes) {
  std::vector<PythonFrame> frames;
  frames.reserve(chain.links.size());
  for (const Coroutine& link : std::views::reverse(chain.links)) {
    const auto code = codes.find(link.code);
    if (code == nullptr) continue;
    PythonFrame frame{.function = code->function,
                      .file = code->file,
                      .line = 0,
                      .first_line = code->first_line,
                      .code = link.code,
                      .at = 0,
                      .coroutine_at = link.object,
                      .coroutine = link.kind == CoroutineKind::coroutine};
    frame.line = link.state == CoroutineState::created ? frame.first_line : codes.line(link.code, link.lasti);
    frames.push_back(std::move(frame));
  }
  return frames;
}

}  // namespace aiotrace::python
