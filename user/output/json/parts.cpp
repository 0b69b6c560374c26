#include "output/json/parts.h"

#include <string>
#include <utility>

namespace aiotrace::output {

Json causes_json(const std::array<std::uint64_t, model::kCauses>& cause_ns) {
  auto causes = Json::object();
  for (std::size_t i = 0; i < model::kCauses; ++i) {
    if (cause_ns[i] != 0) causes[std::string(model::name(static_cast<model::Cause>(i)))] = cause_ns[i];
  }
  return causes;
}

Json losses_json(const model::LossCounts& counts) {
  auto losses = Json::object();
  for (std::size_t i = 0; i < model::kLosses; ++i)
    losses[std::string(model::name(static_cast<model::Loss>(i)))] = counts[i];
  return losses;
}

std::optional<Json> stack_cut(bool unreadable, bool too_deep) {
  if (too_deep) return "too-deep";
  if (unreadable) return "unreadable";
  return std::nullopt;
}

std::string summary_json(LooklessSummary summary, const OutputContext& context) {
  Json object{{"type", "summary"},
              {"schema", model::kSchema},
              {"time", utc_time(summary.time_ns, context)},
              {"elapsed_ns", summary.elapsed_ns}};
  object.update(summary.own);
  object["loops"] = std::move(summary.loops);
  object["causes"] = Json::object();
  object["places"] = Json::array();
  object["losses"] = std::move(summary.losses);
  if (!summary.target_cost.is_null()) object["target_cost"] = std::move(summary.target_cost);
  object["cost"] = json_of(summary.cost);
  return line_of(object);
}

}  // namespace aiotrace::output
