#include "output/text/stall_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/cause.h"
#include "output/text/stall.h"
#include "output/text/stall_parts.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Stall;
using Lines = std::vector<std::string>;

constexpr std::uint64_t kLineEachNs = 1'000'000'000;
// This many lines come without a delay.
constexpr unsigned kLinesAtOnce = 4;

std::uint64_t end_ns(const Stall& stall) { return stall.start_ns + stall.duration_ns; }

/// A wait is a call at exactly this line; other time can be at any line of a function.
bool chosen(model::Cause cause) {
  using enum model::Cause;
  return cause == lock || cause == sleep || cause == file || cause == network || cause == process || cause == other;
}

/// A key that is equal for stalls that look the same to a person.
std::string kind_of(const Stall& stall) {
  const auto cause = main_cause(stall);
  auto kind = fmt::format("{} {} {} {}", stall.pid, stall.tid, stall.error, model::name(cause));
  const auto* segment = main_segment(stall);
  if (segment == nullptr) return kind;
  kind += " " + segment->syscall;
  const auto* frame = frame_to_name(*segment);
  if (frame == nullptr) return kind;
  return kind + fmt::format("\n{}\n{}\n{}", frame->function, frame->file, chosen(cause) ? frame->line : 0);
}

/// Only the data that stall_line() needs, because many stalls may be waiting.
Stall only_for_line(const Stall& stall) {
  Stall slim;
  slim.id = stall.id;
  slim.start_ns = stall.start_ns;
  slim.duration_ns = stall.duration_ns;
  slim.error = stall.error;
  slim.at_least = stall.at_least;
  slim.start_known = stall.start_known;
  slim.pid = stall.pid;
  slim.tid = stall.tid;
  slim.cause_ns = stall.cause_ns;
  const auto* segment = main_segment(stall);
  const auto* frame = segment == nullptr ? nullptr : frame_to_name(*segment);
  if (frame != nullptr) {
    auto& kept = slim.segments.emplace_back();
    kept.cause = segment->cause;
    kept.stack = {*frame};
  }
  return slim;
}

}  // namespace

Lines StallFeed::line_of(const Stall& stall, std::string_view lead, const OutputContext& context) {
  return {stall_line(stall, lasted_text(stall), lead, several_, context)};
}

Lines StallFeed::again(const Stall& stall, Kind& kind, const OutputContext& context) {
  auto lines = line_of(stall, "again: ", context);
  if (kind.waiting > 1) {
    const auto lasted = fmt::format("{} more, up to {}", format_count(kind.waiting),
                                    format_duration_ns(kind.longest_ns));
    lines = {stall_line(stall, lasted, "again: ", several_, context)};
  }
  kind.printed_ns = end_ns(stall);
  kind.waiting = 0;
  kind.longest_ns = 0;
  kind.last.reset();
  return lines;
}

Lines StallFeed::add(const Stall& stall, const OutputContext& context) {
  if (context.verbose) return stall_lines(stall, context);
  several_ = several_ || (pid_ != 0 && pid_ != stall.pid);
  pid_ = stall.pid;
  const auto name = kind_of(stall);
  if (kinds_.size() >= kMaxKinds && !kinds_.contains(name)) kinds_.clear();
  const auto [at, fresh] = kinds_.try_emplace(name);
  const bool went_on = stall.ongoing ? !went_on_.insert(stall.id).second : went_on_.erase(stall.id) != 0;
  if (went_on_.size() > kMaxKinds) went_on_.clear();
  if (fresh || went_on || stall.ongoing) {
    at->second.printed_ns = end_ns(stall);
    if (fresh) return stall_lines(stall, context);
    return line_of(stall, stall.ongoing ? (went_on ? "" : "again: ") : "ended: ", context);
  }
  return add_again(stall, at->second, context);
}

Lines StallFeed::add_again(const Stall& stall, Kind& kind, const OutputContext& context) {
  const bool soon = end_ns(stall) < kind.printed_ns + kLineEachNs;
  if (!soon && kind.waiting == 0) kind.at_once = 0;
  ++kind.waiting;
  kind.longest_ns = std::max(kind.longest_ns, stall.duration_ns);
  if (soon && kind.at_once >= kLinesAtOnce) {
    kind.last = only_for_line(stall);
    return {};
  }
  ++kind.at_once;
  return again(stall, kind, context);
}

Lines StallFeed::finish(const OutputContext& context) {
  std::vector<Kind*> waiting;
  for (auto& [name, kind] : kinds_) {
    if (kind.last) waiting.push_back(&kind);
  }
  std::ranges::sort(waiting, {}, [](const Kind* kind) { return std::pair(kind->last->start_ns, kind->last->id); });
  Lines lines;
  for (auto* kind : waiting) {
    const auto last = *kind->last;
    std::ranges::move(again(last, *kind, context), std::back_inserter(lines));
  }
  return lines;
}

}  // namespace aiotrace::output
