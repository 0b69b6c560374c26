#include "output/json/comparison.h"
#include "model/cause.h"
#include "output/json/parts.h"

namespace aiotrace::output {
namespace {

Json totals_json(const model::Summary& summary, const std::string& file) {
  return {{"file", file},
          {"elapsed_ns", summary.elapsed_ns},
          {"stalls", summary.stalls},
          {"errors", summary.errors},
          {"causes", causes_json(summary.cause_ns)}};
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
                             {"line", nonzero_or_null(place.line)},
                             {"others", place.others},
                             {"before", side_json(each.before, each.before_share)},
                             {"after", side_json(each.after, each.after_share)}}));
  }
  return lines;
}

}  // namespace aiotrace::output
