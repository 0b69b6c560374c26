#include "output/text/exact_awaits.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "output/text/await_site.h"
#include "output/text/losses.h"
#include "output/text/style.h"
#include "output/text/table.h"
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

}  // namespace

std::vector<std::string> exact_awaits_text(const std::vector<model::ExactAwaitRow>& rows,
                                           const std::vector<model::DelayRow>& delays, std::size_t top,
                                           const model::ExactSummary& summary, const OutputContext& context) {
  constexpr std::size_t kMax = 7;
  constexpr std::size_t kSiteColumns = 32;
  std::uint64_t all_ns = 0, awaits = 0, in_flight = 0;
  for (const auto& row : rows) {
    all_ns += row.total_ns();
    awaits += row.waited.count;
    in_flight += row.in_flight.count;
  }
  const auto shown = rows_worth_showing(rows.size(), top, [&](auto i) { return rows[i].total_ns(); });
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
  std::ranges::move(smaller_rows(rows.size(), shown, "sites"), std::back_inserter(lines));
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

}  // namespace aiotrace::output
