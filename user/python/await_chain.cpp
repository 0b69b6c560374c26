#include "python/await_chain.h"

#include <unordered_set>

namespace aiotrace::python {
namespace {

using End = AwaitChain::End;
using To = AwaitStep::To;

class FromProcess final : public CoroutineSource {
 public:
  explicit FromProcess(CoroutineReader& coroutines) : coroutines_(coroutines) {}
  std::optional<Coroutine> at(std::uint64_t object) override { return coroutines_.read(object); }

 private:
  CoroutineReader& coroutines_;
};

/// The links of a chain so far.
class Links {
 public:
  /// False: the link is already in the chain.
  bool add(const std::vector<Coroutine>& links, std::uint64_t object) {
    // Nearly every chain is so short that a cycle can be detected without a set.
    constexpr std::size_t kLinear = 16;
    if (links.size() <= kLinear) {
      for (const Coroutine& link : links) {
        if (link.object == object) return false;
      }
      return true;
    }
    if (seen_.empty()) {
      for (const Coroutine& link : links) seen_.insert(link.object);
    }
    return seen_.insert(object).second;
  }

 private:
  std::unordered_set<std::uint64_t> seen_;
};

End end_of(To to) {
  switch (to) {
    case To::future: return End::future;
    case To::turn: return End::turn;
    case To::nothing: return End::nothing;
    case To::coroutine:
    case To::unknown: break;
  }
  return End::unknown;
}

}  // namespace

AwaitChain read_await_chain(AsyncioReader& reader, CoroutineSource& source, std::uint64_t root, std::size_t most) {
  AwaitChain chain;
  Links seen;
  for (AwaitStep step = reader.resolve(root);; step = reader.follow(chain.links.back())) {
    const auto stop = [&](End end, std::uint64_t target) {
      chain.end = end;
      chain.target = target;
      return std::move(chain);
    };
    if (step.to != To::coroutine) return stop(end_of(step.to), chain.links.empty() ? 0 : step.object);
    if (!seen.add(chain.links, step.object)) return stop(End::cyclic, 0);
    const auto link = source.at(step.object);
    if (!link) return stop(End::unknown, chain.links.empty() ? 0 : step.object);
    if (chain.links.size() == most) return stop(End::too_deep, 0);
    chain.links.push_back(*link);
  }
}

AwaitChain read_await_chain(AsyncioReader& reader, std::uint64_t root) {
  FromProcess source(reader.coroutines());
  return read_await_chain(reader, source, root, kMaxAwaitDepth);
}

}  // namespace aiotrace::python
