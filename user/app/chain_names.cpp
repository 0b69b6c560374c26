#include "app/chain_names.h"

#include <span>

#include "app/await_places.h"
#include "model/statistics.h"
#include "python/await_chain.h"
#include "python/coroutine.h"
#include "python/futures.h"
#include "python/waits.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr unsigned kMaxTries = 4;

std::span<const chain_link> links_of(const chain_record& record) { return std::span(record.links).first(record.count); }

// Whether the task still stands where the record says.
bool same(const chain_record& record, const python::AwaitChain& chain) {
  if (record.too_deep != 0) return chain.links.size() >= record.count;
  if (chain.links.size() < record.count) return false;
  for (std::size_t i = 0; i < record.count; i++) {
    if (chain.links[i].code != record.links[i].code || chain.links[i].lasti != record.links[i].lasti) return false;
  }
  return true;
}

}  // namespace

void ChainNames::set_place(Named& named, const chain_record& record) {
  named.wanted = !match_.has_value();
  std::optional<model::Frame> innermost, own;
  for (const auto& link : links_of(record)) {
    const auto code = codes_.find(link.code);
    if (!code) continue;
    const model::Frame frame{.kind = model::Frame::Kind::python,
                             .function = code->function,
                             .file = code->file,
                             .line = codes_.line(link.code, link.lasti)};
    if (match_) named.wanted = named.wanted || frame.function.contains(*match_) || frame.file.contains(*match_);
    if (named.site.coroutine.empty()) named.site.coroutine = frame.function;
    innermost = frame;
    if (!model::is_standard_library(frame.file)) own = frame;
  }
  if (own || innermost) named.site.place = own ? *own : *innermost;
}

std::optional<std::string> ChainNames::awaited(const chain_record& record, bool& clear) {
  python::CoroutineReader coroutines(interpreter_, memory_);
  python::FutureReader futures(interpreter_, memory_);
  python::WaitReader waits(coroutines, futures, codes_);
  const auto fields = futures.read(record.task);
  if (!fields || fields->coroutine != record.coroutine) return std::nullopt;
  const auto chain = python::read_await_chain(coroutines, record.coroutine);
  if (!same(record, chain)) return std::nullopt;
  const auto wait = waits.read(*fields, chain, monotonic_ns());
  clear = clearness(wait) > 0;
  return text_of(wait);
}

const ChainNames::Named& ChainNames::add(const chain_record& record) {
  auto& named = names_[record.chain];
  if (named.done) return named;
  if (named.site.place.function.empty()) {
    set_place(named, record);
    python::CoroutineReader coroutines(interpreter_, memory_);
    // Qualified in every version; the code object's name only since 3.11.
    const auto root = coroutines.read(record.coroutine);
    const auto name = root ? coroutines.qualified_name(record.coroutine) : std::nullopt;
    if (name && record.count > 0 && root->code == record.links[0].code) named.site.coroutine = *name;
    if (match_) named.wanted = named.wanted || named.site.coroutine.contains(*match_);
  }
  bool clear = false;
  const auto text = awaited(record, clear);
  if (text && (clear || named.site.awaits.empty())) named.site.awaits = *text;
  named.done = (text && clear) || ++named.tries >= kMaxTries;
  return named;
}

const ChainNames::Named* ChainNames::find(std::uint64_t chain) const {
  const auto at = names_.find(chain);
  return at == names_.end() ? nullptr : &at->second;
}

}  // namespace aiotrace::app
