#include "model/leak_history.h"

#include <algorithm>
#include <utility>

namespace aiotrace::model {
namespace {

void append(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

}  // namespace

// Leaks and candidates of one place are one course, because a candidate becomes a leak later.
LeakHistory::Key LeakHistory::key_of(const Leak& leak) {
  std::string place;
  append(place, leak.place.coroutine);
  append(place, leak.place.file);
  append(place, std::to_string(leak.place.line));
  append(place, leak.place.detail);
  for (const auto& frame : leak.place.stack) {
    append(place, frame.function);
    append(place, frame.file);
    append(place, std::to_string(frame.line));
  }
  return {leak.pid, leak.leak_class, std::move(place)};
}

void LeakHistory::add(const LeakScan& scan, const std::vector<Leak>& leaks) {
  auto& process = processes_[scan.pid];
  // The previous scan was only kept because it was the last one.
  const auto before = process.last_scan;
  if (before != 0 && before % process.every != 0) {
    std::erase_if(scans_, [&](const auto& each) { return each.scan.pid == scan.pid && each.scan.number == before; });
    for (auto& [key, course] : places_) {
      if (std::get<0>(key) == scan.pid && !course.points.empty() && course.points.back().scan == before)
        course.points.pop_back();
    }
    --process.kept;
  }
  process.last_scan = scan.number;
  ScanPoint whole{.scan = scan};
  for (const auto& leak : leaks) {
    (leak.leak ? whole.leaks : whole.candidates) += leak.count.value_or(1);
    const auto key = key_of(leak);
    auto at = places_.find(key);
    if (at == places_.end()) {
      if (places_.size() >= kMaxPlaces) {
        ++places_over_;
        continue;
      }
      at = places_.try_emplace(key).first;
    }
    auto& course = at->second;
    const bool first = course.points.empty() || course.points.back().scan != scan.number;
    if (first) {
      course.points.push_back({.scan = scan.number, .count = 0, .bytes = 0});
      course.leaks = course.candidates = course.bytes = 0;
    }
    if (first || leak.leak) course.last = leak;
    (leak.leak ? course.leaks : course.candidates) += leak.count.value_or(1);
    course.bytes += leak.bytes;
    course.points.back().count += leak.count.value_or(1);
    course.points.back().bytes += leak.bytes;
  }
  scans_.push_back(whole);
  if (++process.kept > kMaxScans) thin(scan.pid, process);
}

void LeakHistory::thin(std::uint32_t pid, Process& process) {
  process.every *= 2;
  thinned_ = true;
  const auto goes = [&](std::uint64_t number) { return number % process.every != 0 && number != process.last_scan; };
  process.kept -= std::erase_if(scans_,
                                [&](const auto& each) { return each.scan.pid == pid && goes(each.scan.number); });
  for (auto& [key, course] : places_) {
    if (std::get<0>(key) == pid) std::erase_if(course.points, [&](const auto& point) { return goes(point.scan); });
  }
}

std::vector<LeakCourse> LeakHistory::courses() const {
  std::vector<LeakCourse> courses;
  courses.reserve(places_.size());
  for (const auto& [key, course] : places_) {
    auto& added = courses.emplace_back(course);
    const auto last = processes_.at(std::get<0>(key)).last_scan;
    added.gone = added.last.scan != last;
  }
  std::ranges::stable_sort(courses, [](const LeakCourse& a, const LeakCourse& b) {
    const auto rank = [](const LeakCourse& each) {
      return std::tuple(!each.gone, each.last.growing, each.last.leak, each.leaks + each.candidates, each.bytes);
    };
    return rank(a) > rank(b);
  });
  return courses;
}

}  // namespace aiotrace::model
