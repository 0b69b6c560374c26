#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "model/cause.h"
#include "output/labels.h"
#include "output/page/comparison.h"
#include "output/page/page.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kMaxPlaces = 600;
constexpr std::size_t kPlaceBytes = 350'000;

PageJson side_json(const model::Summary& summary, const std::string& file) {
  auto cause_us = PageJson::array();
  for (const auto ns : summary.cause_ns) cause_us.push_back(page_micros(ns));
  return {{"file", page_name(file.substr(file.rfind('/') + 1))},
          {"elapsed_us", page_micros(summary.elapsed_ns)},
          {"stalls", summary.stalls},
          {"errors", summary.errors},
          {"cause_us", std::move(cause_us)}};
}

PageJson half_json(const std::optional<model::Place>& place) {
  if (!place) return nullptr;
  return {{"us", page_micros(place->ns)},
          {"stalls", place->stalls},
          {"max_us", page_micros(place->max_ns)},
          {"causes", place_causes(*place)}};
}

PageJson place_json(const model::PlaceChange& each) {
  const auto& place = each.after ? *each.after : *each.before;
  return {{"change", model::name(each.change)},
          {"cause", model::index(place.cause)},
          {"syscall", page_name(place.syscall)},
          {"function", page_name(place.function)},
          {"file", page_name(place.file)},
          {"line", place.line},
          {"others", place.others},
          {"before", half_json(each.before)},
          {"after", half_json(each.after)}};
}

std::string losses_note(const std::string& which, const model::Summary& summary) {
  std::uint64_t lost = 0;
  for (const auto count : summary.losses) lost += count;
  return lost == 0 ? "" : fmt::format("Records lost in the run {}: {}.", which, format_count(lost));
}

}  // namespace

std::string comparison_page(const model::Comparison& comparison, const model::StackComparison& stacks,
                            const std::string& before, const std::string& after) {
  PageNames names;
  auto flame = page_flame(stacks.stacks, names, [&](const std::vector<FlameNode>& tree) {
    const auto ns_before = flame_sums(tree, stacks.stacks, stacks.before);
    const auto ns_after = flame_sums(tree, stacks.stacks, stacks.after);
    std::vector<PageJson> numbers;
    numbers.reserve(tree.size());
    for (std::size_t i = 0; i < tree.size(); ++i)
      numbers.push_back(PageJson::array({page_micros(ns_before[i]), page_micros(ns_after[i])}));
    return numbers;
  });
  PageRows places(kMaxPlaces, kPlaceBytes);
  for (const auto& place : comparison.places) places.add(place_json(place));

  auto notes = PageJson::array();
  notes.push_back(
      "Runs differ in length: they are compared by the time stalled per second watched. Less than a fifth, or less "
      "than "
      "50 µs a second, is the same: runs differ by as much on their own. A place is the same in both by "
      "function and the last part of its file.");
  if (places.left_out() != 0)
    notes.push_back(fmt::format("{} places that differ least are left out.", format_count(places.left_out())));
  if (flame.cut) notes.push_back("The narrowest parts of the flame graph are left out.");
  for (auto note : {losses_note("before", comparison.before), losses_note("after", comparison.after)}) {
    if (!note.empty()) notes.push_back(std::move(note));
  }
  PageJson data{{"before", side_json(comparison.before, before)},
                {"after", side_json(comparison.after, after)},
                {"causes", page_causes()},
                {"places", places.take()},
                {"notes", std::move(notes)},
                {"flame", std::move(flame.json)}};
  names.take_into(data);
  return page_of(PageKind::comparison, data);
}

}  // namespace aiotrace::output
