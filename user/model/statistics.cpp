#include "model/statistics.h"

#include <algorithm>
#include <tuple>

#include "model/advice.h"
#include "model/cause.h"
#include "model/frame_origin.h"
#include "util/hash.h"

namespace aiotrace::model {
namespace {

constexpr std::size_t kMaxLines = 32;

void add_line(std::vector<std::pair<std::uint32_t, std::uint64_t>>& lines, std::uint32_t line, std::uint64_t ns) {
  const auto known = std::find_if(lines.begin(), lines.end(), [line](const auto& one) { return one.first == line; });
  if (known != lines.end()) {
    known->second += ns;
  } else if (lines.size() < kMaxLines) {
    lines.emplace_back(line, ns);
  }
}

std::uint32_t longest_line(const std::vector<std::pair<std::uint32_t, std::uint64_t>>& lines) {
  const auto longest = std::max_element(lines.begin(), lines.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
  return longest == lines.end() ? 0 : longest->first;
}

// The system calls of a place, as far as there is room; time of further calls counts as time outside of calls.
template <class Calls>
void add_call(std::vector<Calls>& calls, const Segment& segment) {
  constexpr std::size_t kMaxCalls = 16;
  if (segment.syscall.empty()) return;
  const auto known = std::ranges::find_if(calls, [&segment](const auto& one) {
    return one.cause == segment.cause && one.syscall == segment.syscall;
  });
  if (known != calls.end())
    known->ns += segment.ns;
  else if (calls.size() < kMaxCalls)
    calls.push_back({.cause = segment.cause, .syscall = segment.syscall, .ns = segment.ns});
}

template <class Calls>
std::string longest_call(const std::vector<Calls>& calls, Cause cause) {
  const Calls* longest = nullptr;
  for (const auto& one : calls)
    if (one.cause == cause && (longest == nullptr || one.ns > longest->ns)) longest = &one;
  return longest == nullptr ? std::string() : longest->syscall;
}

Cause largest_cause(const std::array<std::uint64_t, kCauses>& cause_ns) {
  return static_cast<Cause>(std::ranges::max_element(cause_ns) - cause_ns.begin());
}

}  // namespace

const Frame* native_frame(const Stack& stack) {
  if (std::ranges::any_of(stack, [](const Frame& frame) { return frame.kind == Frame::Kind::python; })) return nullptr;
  const Frame* innermost = nullptr;
  for (const auto& frame : stack) {
    if (frame.kind != Frame::Kind::native || frame.function.empty()) continue;
    const auto is = [&frame](std::string_view prefix) { return frame.file.starts_with(prefix); };
    const bool support = is("libc.so") || is("libpthread") || is("ld-linux") || is("libc.musl") || is("ld-musl") ||
                         is("[vdso]");
    if (!support) return &frame;
    if (innermost == nullptr) innermost = &frame;
  }
  return innermost;
}

void LoopCounters::add_present(std::uint64_t lasted_ns, std::uint64_t unseen_ns) {
  ++iterations;
  busy_ns += lasted_ns - std::min(lasted_ns, unseen_ns);
  max_ns = std::max(max_ns, lasted_ns);
  ++buckets.at(histogram_bucket(lasted_ns));
}

LoopSummary summarize_loop(std::uint32_t pid, std::uint32_t tid, const LoopCounters& counters) {
  return {.pid = pid,
          .tid = tid,
          .thread = {},
          .kind = LoopKind::other,
          .iterations = counters.iterations,
          .busy_ns = counters.busy_ns,
          .p50_ns = percentile_ns(counters.buckets, 0.50, counters.max_ns),
          .p99_ns = percentile_ns(counters.buckets, 0.99, counters.max_ns),
          .max_ns = counters.max_ns,
          .stalls = 0,
          .buckets = {counters.buckets.begin(), counters.buckets.end()}};
}

std::size_t Statistics::KeyHash::operator()(const Key& key) const {
  auto seed = key.cause ? index(*key.cause) : kCauses;
  hash_into(seed, key.syscall);
  hash_into(seed, key.comm);
  hash_into(seed, key.function);
  hash_into(seed, key.file);
  hash_into(seed, key.line);
  return seed;
}

Statistics::Key Statistics::key_of(const Segment& segment, const std::string& comm, std::uint32_t& line) {
  Key key{.cause = {}, .syscall = {}, .comm = comm, .function = {}, .file = {}, .line = 0};
  line = 0;
  const auto* frame = segment.stack ? own_frame(*segment.stack) : nullptr;
  if (frame == nullptr && segment.stack) frame = native_frame(*segment.stack);
  if (frame == nullptr || stands_apart(segment.cause)) key.cause = segment.cause;
  if (frame == nullptr) {
    key.syscall = segment.syscall;
    return key;
  }
  key.function = frame->function;
  key.file = frame->file;
  key.line = line = frame->line;
  return key;
}

void Statistics::add(const Segment& segment, const Stall& stall, Part& here) {
  std::uint32_t line = 0;
  auto key = key_of(segment, stall.comm, line);
  if (!own_wait(segment.cause) && (key.cause || !places_.contains(key))) key.line = 0;
  here[key] += segment.ns;
  auto& value = places_[key];
  value.cause_ns.at(index(segment.cause)) += segment.ns;
  add_call(value.calls, segment);
  if (line != 0) add_line(value.lines, line, segment.ns);
  auto& advice = value.advice.at(index(segment.cause));
  if (segment.ns > advice.ns) advice = {.text = advise(segment, stall.loop_kind), .ns = segment.ns};
}

void Statistics::add(const Stall& stall) {
  ++stalls_;
  ++by_loop_[{stall.pid, stall.tid}];
  errors_ += stall.error ? 1 : 0;
  for (std::size_t i = 0; i < kCauses; ++i) cause_ns_[i] += stall.cause_ns[i];
  // A stall counts once at a place, even if several of its segments are there. Calls that wait come first, because
  // other time at their lines belongs to their places.
  Part here;
  for (const bool waits : {true, false})
    for (const auto& segment : stall.segments)
      if (own_wait(segment.cause) == waits) add(segment, stall, here);
  const auto coroutine = stall.task ? stall.task->coroutine : std::string();
  for (const auto& [key, ns] : here) {
    auto& value = places_[key];
    if (value.stalls == 0) value.coroutine = coroutine;
    value.coroutine_differs = value.coroutine_differs || value.coroutine != coroutine;
    value.ns += ns;
    ++value.stalls;
    value.max_ns = std::max(value.max_ns, ns);
  }
  if (places_.size() > kMaxPlaces) shrink();
}

std::uint64_t Statistics::stalls_of(std::uint32_t pid, std::uint32_t tid) const {
  const auto found = by_loop_.find({pid, tid});
  return found == by_loop_.end() ? 0 : found->second;
}

void Statistics::merge_into(Place& others, const Value& value) {
  others.others = true;
  others.ns += value.ns;
  others.stalls += value.stalls;
  others.max_ns = std::max(others.max_ns, value.max_ns);
  for (std::size_t i = 0; i < kCauses; ++i) others.cause_ns.at(i) += value.cause_ns.at(i);
  others.cause = largest_cause(others.cause_ns);
}

// Removes a tenth at a time, so that this is rare.
void Statistics::shrink() {
  std::vector<Map::iterator> all;
  all.reserve(places_.size());
  for (auto at = places_.begin(); at != places_.end(); ++at) all.push_back(at);
  constexpr auto kKept = kMaxPlaces - kMaxPlaces / 10;
  std::nth_element(all.begin(), all.begin() + kKept, all.end(),
                   [](const auto& a, const auto& b) { return a->second.ns > b->second.ns; });
  for (auto i = kKept; i < all.size(); ++i) {
    merge_into(others_, all[i]->second);
    places_.erase(all[i]);
  }
}

Place Statistics::place_of(const Key& key, const Value& value) {
  const auto cause = largest_cause(value.cause_ns);
  return {.cause = cause,
          .syscall = longest_call(value.calls, cause),
          .function = key.function,
          .file = key.file,
          .line = key.line != 0 ? key.line : longest_line(value.lines),
          .coroutine = value.coroutine_differs ? std::string() : value.coroutine,
          .advice = value.advice.at(index(cause)).text,
          .others = false,
          .ns = value.ns,
          .stalls = value.stalls,
          .max_ns = value.max_ns,
          .cause_ns = value.cause_ns,
          .comm = key.comm};
}

std::vector<Place> Statistics::places(std::size_t limit) const {
  std::vector<const Map::value_type*> sorted;
  sorted.reserve(places_.size());
  for (const auto& entry : places_) sorted.push_back(&entry);
  const auto order = [](const auto* a, const auto* b) {
    const auto rank = [](const auto* entry) {
      const auto& key = entry->first;
      return std::tie(key.cause, key.file, key.line, key.function, key.syscall, key.comm);
    };
    return a->second.ns != b->second.ns ? a->second.ns > b->second.ns : rank(a) < rank(b);
  };
  std::sort(sorted.begin(), sorted.end(), order);
  std::vector<Place> places;
  auto others = others_;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto& [key, value] = *sorted[i];
    if (i < limit)
      places.push_back(place_of(key, value));
    else
      merge_into(others, value);
  }
  if (others.others) places.push_back(others);
  return places;
}

}  // namespace aiotrace::model
