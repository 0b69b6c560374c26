#include "python/await_graph.h"

#include <algorithm>

namespace aiotrace::python {
namespace {

using State = CoroutineState;
using End = AwaitGraph::Link::End;

constexpr unsigned kMaxWrappers = 8;

}  // namespace

const Stepped* AwaitGraph::at(std::uint64_t address) const {
  if (const auto found = census_.stepped.find(address); found != census_.stepped.end()) return &found->second;
  if (const auto found = generators_.find(address); found != generators_.end()) return &found->second;
  const auto read = reader_.stepped(address);
  return read ? &generators_.emplace(address, *read).first->second : nullptr;
}

AwaitGraph::Link AwaitGraph::follow(const Stepped& from) const {
  if (from.state != State::suspended) return {.end = End::running};
  // Only a generator can give control away without an awaitable.
  const End otherwise = from.kind == CoroutineKind::coroutine ? End::unknown : End::yield;
  std::uint64_t object = from.awaits;
  for (unsigned i = 0; i < kMaxWrappers && object != 0; ++i) {
    switch (reader_.coroutines().kind_of(object)) {
      case AwaitableKind::coroutine:
      case AwaitableKind::generator:
      case AwaitableKind::async_generator:
        if (const Stepped* next = at(object)) return {.end = End::more, .next = next};
        return {.end = End::unknown, .object = object};
      case AwaitableKind::wrapper: break;
      case AwaitableKind::other: return {.end = End::unknown, .object = object};
    }
    const bool future = reader_.type_name(object) == "_asyncio.FutureIter";
    object = reader_.coroutines().unwrap(object);
    if (future) return {.end = object != 0 ? End::future : End::unknown, .object = object};
  }
  return {.end = object != 0 ? End::unknown : otherwise, .object = object};
}

std::vector<const Stepped*> AwaitGraph::chain(const Stepped& first, Link& end) const {
  std::vector<const Stepped*> found{&first};
  for (end = follow(first); end.end == End::more; end = follow(*found.back())) {
    if (found.size() >= kMaxChain || std::ranges::find(found, end.next) != found.end()) {
      end = {};
      break;
    }
    found.push_back(end.next);
  }
  return found;
}

}  // namespace aiotrace::python
