#include "output/exact_awaits.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "model/summary.h"
#include "output/await_site.h"
#include "output/json_values.h"
#include "output/loss_text.h"
#include "output/style.h"
#include "output/table.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr double kMedian = 0.5;
constexpr double kHigh = 0.99;

std::string at_least(std::uint64_t ns, bool open) { return (open ? "≥ " : "") + format_duration_ns(ns); }

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

void add_delays(std::vector<std::string>& lines, const std::vector<model::DelayRow>& delays, std::size_t top,
                const OutputContext& context) {
  if (delays.empty()) return;
  constexpr std::size_t kTaskColumns = 24;
  Table table({{.heading = "STEPS"},
               {.heading = "MEAN"},
               {.heading = "P50", .expendable = 1},
               {.heading = "P99"},
               {.heading = "MAX"}},
              "START DELAY BY TASK", kTaskColumns);
  const auto shown = top == 0 ? delays.size() : std::min(top, delays.size());
  for (const auto& row : std::span(delays).first(shown)) {
    Table::Row line;
    const auto& delay = row.delay;
    line.cells = {format_count(delay.count), format_duration_ns(delay.mean_ns()),
                  format_duration_ns(delay.percentile(kMedian)), format_duration_ns(delay.percentile(kHigh)),
                  format_duration_ns(delay.max_ns)};
    line.text = [whose = row.tasks.empty()
                             ? "tasks of " + clean_for_terminal(row.coroutine.empty() ? "?" : row.coroutine)
                             : "tasks " + clean_for_terminal(row.tasks)](std::size_t columns) {
      return shorten_right(whose, columns);
    };
    table.add(std::move(line));
  }
  lines.emplace_back();
  std::ranges::move(table.lines(context), std::back_inserter(lines));
  if (shown < delays.size()) lines.push_back(fmt::format("… {} more (--top 0 shows all)", delays.size() - shown));
  lines.emplace_back();
}

Json durations_json(const model::Durations& durations) {
  const bool any = durations.count != 0;
  const auto known = [any](std::uint64_t ns) { return any ? Json(ns) : Json(nullptr); };
  return {{"count", durations.count},
          {"total_ns", durations.total_ns},
          {"mean_ns", known(durations.mean_ns())},
          {"p50_ns", known(durations.percentile(kMedian))},
          {"p99_ns", known(durations.percentile(kHigh))},
          {"max_ns", known(durations.max_ns)}};
}

}  // namespace

std::vector<std::string> exact_awaits_text(const std::vector<model::ExactAwaitRow>& rows,
                                           const std::vector<model::DelayRow>& delays, std::size_t top,
                                           const ExactSummary& summary, const OutputContext& context) {
  constexpr std::size_t kMax = 7;
  constexpr std::size_t kSiteColumns = 32;
  std::uint64_t all_ns = 0, awaits = 0, in_flight = 0;
  for (const auto& row : rows) {
    all_ns += row.total_ns();
    awaits += row.waited.count;
    in_flight += row.in_flight.count;
  }
  const auto shown = top == 0 ? rows.size() : std::min(top, rows.size());
  Table table({{.heading = "WAITED"},
               {.heading = "SHARE", .expendable = 3},
               {.heading = "NOW"},
               {.heading = "AWAITS"},
               {.heading = "MEAN", .expendable = 1},
               {.heading = "P50", .expendable = 2},
               {.heading = "P99"},
               {.heading = "MAX"}},
              "AWAIT", kSiteColumns);
  for (const auto& row : std::span(rows).first(shown)) {
    Table::Row line;
    const auto& waited = row.waited;
    const auto known = [&waited](std::uint64_t ns) { return waited.count == 0 ? "-" : format_duration_ns(ns); };
    line.cells = {at_least(row.total_ns(), row.in_flight.count != 0),
                  format_share(row.total_ns(), all_ns),
                  format_count(row.in_flight.count),
                  format_count(waited.count),
                  known(waited.mean_ns()),
                  known(waited.percentile(kMedian)),
                  known(waited.percentile(kHigh)),
                  at_least(row.longest_ns(), row.longest_goes_on())};
    line.text = site_text(row.site);
    if (row.longest_ns() >= summary.slow_ns) line.marked.insert(kMax);
    table.add(std::move(line));
  }
  auto lines = table.lines(context);
  if (shown < rows.size()) lines.push_back(fmt::format("… {} more sites (--top 0 shows all)", rows.size() - shown));
  if (rows.empty()) lines.emplace_back("no await was seen");
  add_delays(lines, delays, top, context);
  lines.push_back(fmt::format("{} ended in {}, each timed; {} still wait{} (≥: at least so long); {}",
                              plural(awaits, "await"), format_duration_ns(summary.elapsed_ns),
                              plural(in_flight, "task"), in_flight == 1 ? "s" : "", plural(rows.size(), "site")));
  lines.push_back(fmt::format(
      "it cost the target {} ({} of the time of the thread that steps most, {} allowed): {} traps, {} an entry, {} a "
      "return; aiotrace used {} of a core",
      format_duration_ns(summary.cost_ns), percent(summary.most_share), percent(summary.max_share),
      format_count(summary.traps), format_duration_ns(summary.entry_ns), format_duration_ns(summary.return_ns),
      format_share(summary.cpu_ns, summary.elapsed_ns)));
  std::vector<std::string> lost;
  for (const auto& [name, count] : summary.losses)
    if (count != 0) lost.push_back(loss_in_words(name, count));
  std::ranges::move(loss_lines(lost, context), std::back_inserter(lines));
  return lines;
}

std::string exact_await_json(const model::ExactAwaitRow& row, std::uint32_t pid) {
  const auto& place = row.site.place;
  Json line{{"type", "await"},
            {"pid", pid},
            {"coroutine", text_or_null(row.site.coroutine)},
            {"site",
             {{"function", text_or_null(place.function)},
              {"file", text_or_null(place.file)},
              {"line", nonzero_or_null(place.line)}}},
            {"awaits", text_or_null(row.site.awaits)},
            {"in_flight", row.in_flight.count},
            {"in_flight_ns", row.in_flight.total_ns},
            {"in_flight_max_ns", row.in_flight.count == 0 ? Json(nullptr) : Json(row.in_flight.longest_ns)}};
  line.update(durations_json(row.waited));
  line["exact"] = true;
  return line_of(line);
}

std::string delay_json(const model::DelayRow& row, std::uint32_t pid) {
  Json line{
      {"type", "delay"}, {"pid", pid}, {"tasks", text_or_null(row.tasks)}, {"coroutine", text_or_null(row.coroutine)}};
  line.update(durations_json(row.delay));
  return line_of(line);
}

std::string exact_summary_json(const ExactSummary& summary, const OutputContext& context) {
  auto losses = Json::object();
  for (const auto& [name, count] : summary.losses) losses[name] = count;
  return line_of(
      {{"type", "summary"},
       {"schema", model::kSchema},
       {"time", utc_time(summary.time_ns, context)},
       {"elapsed_ns", summary.elapsed_ns},
       {"first_ns", summary.first_ns},
       {"last_ns", summary.time_ns},
       {"loops", Json::array()},
       {"causes", Json::object()},
       {"places", Json::array()},
       {"losses", losses},
       {"target_cost",
        {{"ns", summary.cost_ns},
         {"share", summary.most_share},
         {"max_share", summary.max_share},
         {"exceeded", summary.too_dear},
         {"entry_ns", summary.entry_ns},
         {"return_ns", summary.return_ns}}},
       {"cost",
        {{"bpf_ns", summary.run_ns}, {"runs", summary.traps}, {"cpu_ns", summary.cpu_ns}, {"rss_bytes", nullptr}}}});
}

}  // namespace aiotrace::output
