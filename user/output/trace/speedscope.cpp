#include "output/trace/speedscope.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace aiotrace::output {

std::string speedscope(const model::WeightedStacks& stacks, std::string_view name, std::string_view exporter) {
  using Json = nlohmann::ordered_json;
  auto frames = Json::array();
  for (const auto& frame : stacks.frames()) {
    Json object{{"name", frame.function}};
    if (!frame.file.empty()) object["file"] = frame.file;
    if (frame.line != 0) object["line"] = frame.line;
    frames.push_back(std::move(object));
  }
  std::vector<const model::WeightedStacks::Stack*> sorted;
  for (const auto& stack : stacks.stacks()) sorted.push_back(&stack);
  std::ranges::stable_sort(sorted, [](const auto* a, const auto* b) { return a->weight > b->weight; });
  auto samples = Json::array();
  auto weights = Json::array();
  for (const auto* stack : sorted) {
    samples.push_back(stack->frames);
    weights.push_back(stack->weight);
  }
  const bool nanoseconds = stacks.unit() == model::WeightedStacks::Unit::nanoseconds;
  const Json file{{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                  {"exporter", exporter},
                  {"name", name},
                  {"activeProfileIndex", 0},
                  {"shared", {{"frames", std::move(frames)}}},
                  {"profiles",
                   {{{"type", "sampled"},
                     {"name", stacks.what()},
                     {"unit", nanoseconds ? "nanoseconds" : "none"},
                     {"startValue", 0},
                     {"endValue", stacks.total()},
                     {"samples", std::move(samples)},
                     {"weights", std::move(weights)}}}}};
  constexpr int kOneLine = -1;
  return file.dump(kOneLine, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace aiotrace::output
