#include <fmt/format.h>

#include <ranges>
#include <utility>

#include "output/page/leaks.h"
#include "output/page/page.h"
#include "output/text/leaks.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kMaxPlaces = 1'000;
constexpr std::size_t kPlaceBytes = 700'000;
constexpr std::size_t kMaxScans = 1'200;
constexpr std::size_t kScanBytes = 150'000;
constexpr std::size_t kMaxFrames = 40;

PageJson place_json(const model::LeakCourse& course, PageNames& names) {
  const auto& leak = course.last;
  auto points = PageJson::array();
  for (const auto& point : course.points) points.push_back(PageJson::array({point.scan, point.count, point.bytes}));
  auto stack = leak.place.stack;
  const bool cut = stack.size() > kMaxFrames;
  if (cut) stack.resize(kMaxFrames);
  return {{"class", model::name(leak.leak_class)},
          {"leaks", course.leaks},
          {"candidates", course.candidates},
          {"known", leak.count.has_value()},
          {"gone", course.gone},
          {"idle", leak.idle},
          {"bytes", course.bytes},
          {"age_us", leak.age_ns ? PageJson(page_micros(*leak.age_ns)) : PageJson(nullptr)},
          {"growth", leak.growth_per_minute ? PageJson(*leak.growth_per_minute) : PageJson(nullptr)},
          {"growing", leak.growing},
          {"pid", leak.pid},
          {"coroutine", page_name(leak.place.coroutine)},
          {"file", page_name(leak.place.file)},
          {"line", leak.place.line},
          {"detail", page_name(leak.place.detail)},
          {"holder", leak.place.holder ? page_name(holder_text(*leak.place.holder)) : std::string()},
          {"stack", names.stack(stack)},
          {"cut", cut},
          {"points", std::move(points)}};
}

PageJson scan_json(const model::ScanPoint& point, std::uint64_t start_ns) {
  const auto& scan = point.scan;
  return {{"pid", scan.pid},
          {"number", scan.number},
          {"since_us", page_micros(scan.time_ns > start_ns ? scan.time_ns - start_ns : 0)},
          {"us", page_micros(scan.duration_ns)},
          {"objects", scan.objects},
          {"leaks", point.leaks},
          {"candidates", point.candidates}};
}

PageJson notes_json(const model::LeakHistory& history, const model::LeakSummary& summary, std::size_t left_out) {
  auto notes = PageJson::array();
  notes.push_back(
      "From outside, the age of an object is the time since it was first seen: a single scan finds only candidates, "
      "and coroutines that were dropped.");
  if (left_out != 0) notes.push_back(fmt::format("{} smaller places are left out.", format_count(left_out)));
  if (history.places_over() != 0) notes.push_back("There were too many places: the page has only a part of them.");
  if (history.thinned()) notes.push_back("The lines do not show all scans: only some of the older ones are kept.");
  const auto& losses = summary.losses;
  if (losses.swapped_bytes != 0)
    notes.push_back(fmt::format("Not looked at: {} in swap.", format_bytes(losses.swapped_bytes)));
  if (losses.unreadable_bytes != 0)
    notes.push_back(fmt::format("Not looked at: {} that could not be read.", format_bytes(losses.unreadable_bytes)));
  if (losses.unclassified != 0)
    notes.push_back(fmt::format("Not judged: {} that wait for something unknown.", format_count(losses.unclassified)));
  notes.push_back(fmt::format("A scan took at most {}; aiotrace used {} of CPU time.",
                              format_duration_ns(summary.max_scan_ns), format_duration_ns(summary.cpu_ns)));
  return notes;
}

}  // namespace

std::string leaks_page(const std::string& title, const model::LeakHistory& history, const model::LeakSummary& summary,
                       std::uint64_t age_ns, std::uint64_t time_ns, const OutputContext& context) {
  const auto start_ns = time_ns > summary.elapsed_ns ? time_ns - summary.elapsed_ns : 0;
  PageNames names;
  PageRows places(kMaxPlaces, kPlaceBytes);
  for (const auto& course : history.courses()) {
    if (places.full()) {
      places.add(nullptr);
      continue;
    }
    const auto before = names.bytes();
    auto place = place_json(course, names);
    places.add(std::move(place), names.bytes() - before);
  }
  // Of very many processes only the latest ones are shown.
  PageRows scans(kMaxScans, kScanBytes);
  for (const auto& point : history.scans() | std::views::reverse) scans.add(scan_json(point, start_ns));
  const auto left_out = places.left_out();
  PageJson data{{"title", page_name(title)},
                {"start_ms", unix_ms(start_ns, context)},
                {"elapsed_us", page_micros(summary.elapsed_ns)},
                {"age_us", page_micros(age_ns)},
                {"all_scans", summary.scans},
                {"scans", scans.take()},
                {"places", places.take()},
                {"notes", notes_json(history, summary, left_out)}};
  names.take_into(data);
  return page_of(PageKind::leaks, data);
}

}  // namespace aiotrace::output
