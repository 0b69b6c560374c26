#include "model/leaks.h"

#include <algorithm>
#include <tuple>

namespace aiotrace::model {
namespace {

// Growth is decided by the last looks, because the first looks of a long run would hide it.
constexpr std::size_t kHistory = 32;
// This many looks in a row must have found more than the look before.
constexpr std::size_t kGrowingLooks = 3;
constexpr double kMinuteNs = 60e9;

}  // namespace

LeakCounts count_leaks(const std::vector<Leak>& leaks, bool are_leaks) {
  LeakCounts counts{};
  for (const Leak& leak : leaks) {
    if (leak.leak == are_leaks) counts[static_cast<std::size_t>(leak.leak_class)] += leak.count.value_or(1);
  }
  return counts;
}

bool LeakTracker::known(const LeakSeen& seen) const {
  const auto found = objects_.find(seen.address);
  return found != objects_.end() && found->second.leak_class == seen.leak_class &&
         found->second.fingerprint == seen.fingerprint;
}

void LeakTracker::look(std::uint64_t now_ns, const std::vector<LeakSeen>& seen) {
  ++looks_;
  now_ns_ = now_ns;
  for (auto& [key, group] : groups_) {
    group.parts = {};
    group.idle = false;
  }
  for (const LeakSeen& each : seen) {
    std::uint64_t first_ns = now_ns;
    if (const auto found = objects_.find(each.address); found != objects_.end()) {
      if (!known(each)) found->second = {each.leak_class, each.fingerprint, now_ns, looks_};
      found->second.look = looks_;
      first_ns = found->second.first_ns;
    } else if (objects_.size() < kMaxObjects) {
      objects_.emplace(each.address, Object{each.leak_class, each.fingerprint, now_ns, looks_});
    }
    if (each.made_ns != 0) first_ns = std::min(first_ns, each.made_ns);
    const bool full = groups_.size() >= kMaxGroups && !groups_.contains({each.leak_class, each.place});
    Group& group = groups_[{each.leak_class, full ? 0 : each.place}];
    // An object that was seen once has no age, whatever --age is.
    const bool leak = !each.idle && first_ns < now_ns && now_ns - first_ns >= age_ns_;
    Part& part = group.parts[leak ? 1 : 0];
    ++part.count;
    part.bytes += each.bytes;
    part.oldest_ns = std::min(part.oldest_ns, first_ns);
    part.all_made = part.all_made && each.made_ns != 0;
    if (each.generation) part.generation = std::max(part.generation.value_or(0), *each.generation);
    group.idle = group.idle || each.idle;
  }
  std::erase_if(objects_, [this](const auto& entry) { return entry.second.look != looks_; });
  for (auto& [key, group] : groups_) {
    group.history.push_back({now_ns, group.parts[0].count + group.parts[1].count});
    if (group.history.size() > kHistory) group.history.pop_front();
  }
  std::erase_if(groups_, [](const auto& entry) {
    return std::ranges::all_of(entry.second.history, [](const Look& look) { return look.count == 0; });
  });
}

Leak LeakTracker::to_row(LeakClass leak_class, const Group& group, const Part& part, bool leak) const {
  Leak row{.leak_class = leak_class,
           .leak = leak,
           .idle = group.idle,
           .place = {},
           .count = part.count,
           .age_ns = {},
           .bytes = part.bytes,
           .growth_per_minute = {}};
  if (part.oldest_ns < now_ns_)
    row.age_ns = now_ns_ - part.oldest_ns;
  else
    row.generation = part.generation;
  row.age_known = row.age_ns && part.all_made;
  const auto& history = group.history;
  // Before the first look that found it, a group had no objects: earlier looks count with 0.
  const std::uint64_t time_ns = history.back().time_ns - history.front().time_ns;
  if (history.size() > 1 && time_ns > 0) {
    row.growth_per_minute = (static_cast<double>(history.back().count) - static_cast<double>(history.front().count)) *
                            kMinuteNs / static_cast<double>(time_ns);
  }
  row.growing = history.size() >= kGrowingLooks;
  for (std::size_t i = history.size(); row.growing && i-- > history.size() - kGrowingLooks + 1;) {
    row.growing = history[i].count > history[i - 1].count;
  }
  return row;
}

Leak LeakTracker::dropped_row(const LeakPlace& place) {
  return {.leak_class = LeakClass::dropped,
          .leak = true,
          .place = place,
          .count = {},
          .age_ns = {},
          .growth_per_minute = {}};
}

void LeakTracker::sort(std::vector<Leak>& rows) {
  const auto rank = [](const Leak& row) {
    return std::tuple(!row.growing, !row.leak, row.leak_class == LeakClass::dropped, UINT64_MAX - row.bytes,
                      UINT64_MAX - row.count.value_or(0));
  };
  std::ranges::stable_sort(rows, [&](const Leak& a, const Leak& b) {
    const auto left = rank(a);
    const auto right = rank(b);
    if (left != right) return left < right;
    return std::tie(a.place.file, a.place.line, a.place.coroutine) <
           std::tie(b.place.file, b.place.line, b.place.coroutine);
  });
}

}  // namespace aiotrace::model
