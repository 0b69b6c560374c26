#include "model/cause.h"
#include "output/comparison.h"
#include "output/json_values.h"

namespace aiotrace::output {
namespace {

Json totals_json(const model::Summary& summary, const std::string& file) {
  auto causes = Json::object();
  for (std::size_t i = 0; i < model::kCauses; i++) {
    if (summary.cause_ns[i] != 0) causes[std::string(model::name(static_cast<model::Cause>(i)))] = summary.cause_ns[i];
  }
  return {{"file", file},
          {"elapsed_ns", summary.elapsed_ns},
          {"stalls", summary.stalls},
          {"errors", summary.errors},
          {"causes", std::move(causes)}};
}

Json side_json(const std::optional<model::Place>& place, double share) {
  if (!place) return nullptr;
  return {{"ns", place->ns}, {"stalls", place->stalls}, {"max_ns", place->max_ns}, {"ns_per_s", share * 1e9}};
}

}  // namespace

std::vector<std::string> comparison_json(const model::Comparison& comparison, const std::string& before,
                                         const std::string& after) {
  std::vector<std::string> lines{line_of({{"type", "diff"},
                                          {"schema", model::kSchema},
                                          {"before", totals_json(comparison.before, before)},
                                          {"after", totals_json(comparison.after, after)}})};
  for (const auto& each : comparison.places) {
    const auto& place = each.after ? *each.after : *each.before;
    lines.push_back(line_of({{"type", "place"},
                             {"change", model::name(each.change)},
                             {"cause", model::name(place.cause)},
                             {"syscall", text_or_null(place.syscall)},
                             {"function", text_or_null(place.function)},
                             {"file", text_or_null(place.file)},
                             {"line", place.line == 0 ? Json(nullptr) : Json(place.line)},
                             {"others", place.others},
                             {"before", side_json(each.before, each.before_share)},
                             {"after", side_json(each.after, each.after_share)}}));
  }
  return lines;
}

}  // namespace aiotrace::output
