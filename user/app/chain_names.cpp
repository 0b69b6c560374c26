#include "app/chain_names.h"

#include "app/await_places.h"
#include "model/frame_origin.h"
#include "python/await_chain.h"
#include "python/waits.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr unsigned kMaxTries = 4;

// Whether the task is still in the await in which it was seen.
bool same(const model::AwaitChainSeen& seen, const python::AwaitChain& chain) {
  if (seen.too_deep) return chain.links.size() >= seen.links.size();
  if (chain.links.size() < seen.links.size()) return false;
  for (std::size_t i = 0; i < seen.links.size(); i++) {
    if (chain.links[i].code != seen.links[i].code || chain.links[i].lasti != seen.links[i].lasti) return false;
  }
  return true;
}

}  // namespace

void ChainNames::set_place(Named& named, const model::AwaitChainSeen& seen) {
  named.wanted = !match_.has_value();
  std::vector<model::Frame> frames;
  for (const auto& link : seen.links) {
    const auto code = codes_.find(link.code);
    if (!code) continue;
    const model::Frame frame{.kind = model::Frame::Kind::python,
                             .function = code->function,
                             .file = code->file,
                             .line = codes_.line(link.code, link.lasti)};
    if (match_) named.wanted = named.wanted || frame.function.contains(*match_) || frame.file.contains(*match_);
    if (named.site.coroutine.empty()) named.site.coroutine = frame.function;
    frames.push_back(frame);
  }
  // The chain begins at the root coroutine.
  const auto own = model::find_own(frames.rbegin(), frames.rend(),
                                   [](const model::Frame& frame) -> std::string_view { return frame.file; });
  if (own != frames.rend()) named.site.place = *own;
}

std::optional<std::string> ChainNames::awaited(const model::AwaitChainSeen& seen, bool& clear) {
  python::AsyncioReader reader(interpreter_, memory_, codes_);
  const auto fields = reader.futures().read(seen.task);
  if (!fields || fields->coroutine != seen.coroutine) return std::nullopt;
  const auto chain = python::read_await_chain(reader, seen.coroutine);
  if (!same(seen, chain)) return std::nullopt;
  const auto wait = python::WaitReader(reader).read(*fields, chain, monotonic_ns());
  clear = clearness(wait) > 0;
  return text_of(wait);
}

const ChainNames::Named& ChainNames::add(const model::AwaitChainSeen& seen) {
  auto& named = names_[seen.chain];
  if (named.done) return named;
  if (named.site.place.function.empty()) {
    set_place(named, seen);
    python::CoroutineReader coroutines(interpreter_, memory_);
    // The coroutine's name is qualified in every version; the code object's name only since 3.11.
    const auto root = coroutines.read(seen.coroutine);
    const auto name = root ? coroutines.qualified_name(seen.coroutine) : std::nullopt;
    if (name && !seen.links.empty() && root->code == seen.links[0].code) named.site.coroutine = *name;
    if (match_) named.wanted = named.wanted || named.site.coroutine.contains(*match_);
  }
  bool clear = false;
  const auto text = awaited(seen, clear);
  if (text && (clear || named.site.awaits.empty())) named.site.awaits = *text;
  named.done = (text && clear) || ++named.tries >= kMaxTries;
  return named;
}

const ChainNames::Named* ChainNames::find(std::uint64_t chain) const {
  const auto at = names_.find(chain);
  return at == names_.end() ? nullptr : &at->second;
}

}  // namespace aiotrace::app
