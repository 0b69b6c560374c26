#include "model/top_table.h"

#include <algorithm>
#include <set>

#include "model/frame_origin.h"
#include "model/histogram.h"

namespace aiotrace::model {
namespace {

std::uint64_t difference(std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; }

const Frame* frame_of(const Segment& segment) {
  if (!segment.stack) return nullptr;
  const auto* frame = own_frame(*segment.stack);
  return frame != nullptr ? frame : native_frame(*segment.stack);
}

// For causes on a CPU a function is one place, regardless of the line.
bool same_place(const TopPlace& place, const TopPlace& other) {
  return place.cause == other.cause && place.syscall == other.syscall && place.function == other.function &&
         place.file == other.file && (on_cpu(place.cause) || place.line == other.line);
}

// Exact if it is the longest so far, else accurate to one bucket, an eighth of an octave.
std::uint64_t longest_of(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& iterations,
                         std::uint64_t max_before_ns, std::uint64_t max_ns) {
  if (iterations.empty()) return 0;
  if (max_ns > max_before_ns) return max_ns;
  return std::min(max_ns, static_cast<std::uint64_t>(bucket_start_ns(iterations.back().first + std::size_t{1})));
}

}  // namespace

void TopTable::add(const Stall& stall) {
  auto& known = loops_[{stall.pid, stall.tid}];
  if (known.now.pid == 0) {  // its counters come with the next refresh
    known.now.pid = stall.pid;
    known.now.tid = stall.tid;
    known.now.thread = stall.thread;
    known.now.kind = stall.loop_kind;
  }
  if (known.intervals.empty()) known.intervals.emplace_back();
  if (stall.ongoing) {
    known.ongoing = Ongoing{.id = stall.id, .duration_ns = stall.duration_ns, .cause_ns = stall.cause_ns};
  } else {
    if (known.ongoing && known.ongoing->id == stall.id) known.ongoing.reset();
    auto& interval = known.intervals.back();
    ++interval.stalls;
    interval.longest_ns = std::max(interval.longest_ns, stall.duration_ns);
    for (std::size_t i = 0; i < kCauses; ++i) interval.cause_ns[i] += stall.cause_ns[i];
    add_places(stall, known.places);
  }
  keep(stall, known);
}

void TopTable::add_places(const Stall& stall, std::vector<TopPlace>& places) {
  std::set<std::size_t> here;  // a stall counts once at a place
  for (const auto& segment : stall.segments) {
    TopPlace place{.cause = segment.cause, .syscall = segment.syscall, .function = {}, .file = {}};
    if (const auto* frame = frame_of(segment)) {
      place.function = frame->function;
      place.file = frame->file;
      place.line = frame->line;
    }
    const auto known = std::ranges::find_if(places, [&](const auto& each) { return same_place(each, place); });
    const auto at = static_cast<std::size_t>(known - places.begin());
    if (known == places.end()) places.push_back(std::move(place));
    places[at].ns += segment.ns;
    if (here.insert(at).second) ++places[at].stalls;
  }
  if (places.size() <= kMaxPlaces) return;
  std::ranges::sort(places, [](const auto& a, const auto& b) { return a.ns > b.ns; });
  places.resize(kMaxPlaces);
}

void TopTable::drop_oldest_of(Loop loop) {
  const auto oldest = std::ranges::find_if(stalls_,
                                           [loop](const auto& each) { return Loop{each.pid, each.tid} == loop; });
  if (oldest == stalls_.end()) return;
  if (const auto owner = loops_.find(loop); owner != loops_.end()) --owner->second.kept_stalls;
  stalls_.erase(oldest);
}

// A later report of the same stall replaces the earlier one.
void TopTable::keep(const Stall& stall, Known& known) {
  const auto before = std::ranges::find_if(stalls_, [&](const auto& each) { return each.id == stall.id; });
  if (before != stalls_.end()) {
    stalls_.erase(before);
    --known.kept_stalls;
  }
  stalls_.push_back(stall);
  stalls_.back().moments.clear();
  ++known.kept_stalls;
  if (known.kept_stalls > kMaxStallsOfLoop) drop_oldest_of({stall.pid, stall.tid});
  if (stalls_.size() > kMaxStalls) drop_oldest_of({stalls_.front().pid, stalls_.front().tid});
}

void TopTable::take_counters(Known& known, const LoopNow& now, std::uint64_t interval_ns) {
  if (known.intervals.empty()) known.intervals.emplace_back();
  auto& interval = known.intervals.back();
  if (known.counted && interval_ns != 0) {
    const auto& before = known.now;
    const auto share = static_cast<double>(difference(now.counters.busy_ns + now.present_seen_ns,
                                                      before.counters.busy_ns + before.present_seen_ns)) /
                       static_cast<double>(interval_ns);
    // An iteration that ends between two looks can count completely for the second one.
    known.busy = std::min(1.0, share);
    known.iterations_per_s = static_cast<double>(difference(now.counters.iterations, before.counters.iterations)) *
                             1e9 / static_cast<double>(interval_ns);
    for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
      const auto more = difference(now.counters.buckets[i], before.counters.buckets[i]);
      if (more != 0) interval.iterations.emplace_back(static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(more));
    }
    interval.longest_ns = std::max(interval.longest_ns,
                                   longest_of(interval.iterations, before.counters.max_ns, now.counters.max_ns));
  }
  interval.longest_ns = std::max(interval.longest_ns, now.present_ns);
  if (now.present_ns < warn_ns_) known.ongoing.reset();
  known.now = now;
  known.counted = true;
}

void TopTable::refresh(std::uint64_t now_ns, const std::vector<LoopNow>& loops,
                       const std::map<std::uint32_t, std::string>& services,
                       const std::map<std::uint32_t, ProcessLooks>& looks) {
  const std::uint64_t interval_ns = refreshed_ns_ == 0 ? 0 : difference(now_ns, refreshed_ns_);
  refreshed_ns_ = now_ns;
  for (auto& [id, known] : loops_) {
    ++known.gone;  // unless it is among them
    known.busy.reset();
    known.iterations_per_s.reset();
  }
  for (const auto& now : loops) {
    auto& known = loops_[{now.pid, now.tid}];
    known.gone = 0;
    take_counters(known, now, interval_ns);
    if (const auto service = services.find(now.pid); service != services.end()) known.service = service->second;
    if (const auto look = looks.find(now.pid); look != looks.end()) known.looks = look->second;
  }
  if (std::erase_if(loops_, [](const auto& each) { return each.second.gone > kTopRecent; }) != 0)
    std::erase_if(stalls_, [this](const auto& each) { return !loops_.contains({each.pid, each.tid}); });
  for (auto& [id, known] : loops_) {
    if (known.gone != 0) {
      known.ongoing.reset();
      known.now.present_ns = 0;
      known.now.ready.reset();
    }
    known.intervals.emplace_back();
    if (known.intervals.size() > kTopIntervals + 1) known.intervals.pop_front();
  }
  if (interval_ns != 0) interval_ns_.push_back(interval_ns);
  if (interval_ns_.size() > kTopIntervals) interval_ns_.pop_front();
}

TopRow TopTable::row_of(const Known& known) const {
  TopRow row{.service = known.service.empty() ? known.now.command : known.service,
             .command = known.now.command,
             .thread = known.now.thread,
             .pid = known.now.pid,
             .tid = known.now.tid,
             .ended = known.gone != 0,
             .busy = known.busy,
             .iterations_per_s = known.iterations_per_s,
             .p99_ns = {},
             .longest_ns = {}};
  std::array<std::uint32_t, kHistogramBuckets> buckets{};
  // The last interval has only begun.
  const std::size_t past = known.intervals.empty() ? 0 : known.intervals.size() - 1;
  std::uint64_t longest = 0;
  bool any = false;
  for (std::size_t i = 0; i < past; ++i) {
    const auto& interval = known.intervals[i];
    row.longest_each_ns.push_back(interval.longest_ns);
    row.stalls += interval.stalls;
    for (std::size_t cause = 0; cause < kCauses; ++cause) row.cause_ns[cause] += interval.cause_ns[cause];
    if (i + kTopRecent < past) continue;
    longest = std::max(longest, interval.longest_ns);
    for (const auto& [bucket, count] : interval.iterations) {
      buckets.at(bucket) += count;
      any = true;
    }
  }
  if (longest != 0) row.longest_ns = longest;
  if (any) row.p99_ns = percentile_ns(buckets, 0.99, longest);
  row.ready = known.now.ready;
  row.looks = known.looks;
  if (known.now.present_ns < warn_ns_) return row;
  row.ongoing_ns = known.now.present_ns;
  ++row.stalls;
  std::uint64_t judged_ns = 0;
  if (known.ongoing) {
    judged_ns = std::min(known.ongoing->duration_ns, row.ongoing_ns);
    for (std::size_t cause = 0; cause < kCauses; ++cause) row.cause_ns[cause] += known.ongoing->cause_ns[cause];
  }
  row.cause_ns[index(Cause::unknown)] += row.ongoing_ns - judged_ns;
  return row;
}

std::vector<TopRow> TopTable::rows() const {
  std::vector<TopRow> rows;
  rows.reserve(loops_.size());
  for (const auto& [id, known] : loops_) {
    if (known.counted) rows.push_back(row_of(known));
  }
  return rows;
}

std::vector<const Stall*> TopTable::stalls_of(Loop loop) const {
  std::vector<const Stall*> found;
  for (const auto& each : stalls_) {
    if (Loop{each.pid, each.tid} == loop) found.push_back(&each);
  }
  std::ranges::reverse(found);
  return found;
}

std::vector<TopPlace> TopTable::places_of(Loop loop) const {
  const auto known = loops_.find(loop);
  if (known == loops_.end()) return {};
  auto places = known->second.places;
  std::ranges::sort(places, [](const auto& a, const auto& b) { return a.ns > b.ns; });
  return places;
}

std::uint64_t TopTable::remembered_ns() const {
  std::uint64_t sum = 0;
  for (const auto ns : interval_ns_) sum += ns;
  return sum;
}

}  // namespace aiotrace::model
