#include "output/json/awaits.h"

#include "output/json/await_site.h"
#include "output/json/hang_parts.h"
#include "output/json/parts.h"

namespace aiotrace::output {

template <>
struct JsonForm<model::AwaitRow> {
  using T = model::AwaitRow;
  static constexpr auto list = std::tuple{form::inlined(&T::site),
                                          SHOWN(in_flight),
                                          SHOWN(count),
                                          SHOWN(total_ns),
                                          SHOWN(error_ns),
                                          SHOWN(mean_ns),
                                          form::constant("p50_ns", nullptr),
                                          form::constant("p99_ns", nullptr),
                                          form::shown("max_ns", &T::longest_ns, form::kNonzero),
                                          SHOWN(snapshots),
                                          SHOWN(estimate),
                                          form::constant("exact", false)};
};

std::string awaits_watching_json(std::uint32_t pid, const std::string& comm, const std::string& python,
                                 const std::string& version, const OutputContext& context, std::uint64_t time_ns) {
  return line_of({{"type", "watching"},
                  {"schema", model::kSchema},
                  {"time", utc_time(time_ns, context)},
                  {"version", version},
                  {"kernel", nullptr},
                  {"warn_ns", nullptr},
                  {"error_ns", nullptr},
                  {"targets", Json::array({{{"pid", pid}, {"comm", comm}, {"python", python}, {"loops", nullptr}}})}});
}

std::string await_row_json(const model::AwaitRow& row, std::uint32_t pid,
                           const std::optional<model::TaskResource>& waits_for) {
  Json object{{"type", "await"}, {"pid", pid}};
  object.update(json_of(row));
  object["resource"] = waits_for ? json_of(waits_for->resource) : Json(nullptr);
  object["holders"] = waits_for ? json_of(waits_for->holders) : Json::array();
  return line_of(object);
}

std::string awaits_summary_json(const model::AwaitsSummary& summary, const OutputContext& context) {
  return summary_json({.time_ns = summary.time_ns,
                       .elapsed_ns = summary.elapsed_ns,
                       .own = {{"snapshots", summary.snapshots},
                               {"first_ns", summary.first_ns},
                               {"watched_ns", summary.watched_ns},
                               {"interval_ns", summary.interval_ns()},
                               {"tasks", summary.tasks}},
                       .losses = {{"task-unreadable", summary.unreadable}, {"task-list-torn", summary.torn}},
                       .cost = {.cpu_ns = summary.cpu_ns}},
                      context);
}

}  // namespace aiotrace::output
