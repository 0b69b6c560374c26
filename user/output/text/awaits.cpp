#include "output/text/awaits.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "output/text/await_site.h"
#include "output/text/losses.h"
#include "output/text/style.h"
#include "output/text/table.h"
#include "output/text/tasks.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Marks values that the snapshots do not show exactly.
std::string about(std::string text, bool estimate) { return estimate ? "~" + std::move(text) : text; }

std::string totals_line(const std::vector<model::AwaitRow>& rows, std::uint64_t all_ns,
                        const model::AwaitsSummary& summary) {
  const auto watched = format_duration_ns(summary.watched_ns);
  if (rows.empty()) return fmt::format("no task was seen to wait: {} in {}", plural(summary.tasks, "task"), watched);
  const auto slow = std::ranges::count_if(rows, [&](const auto& row) { return row.longest_ns >= summary.slow_ns; });
  return fmt::format("{} waited by up to {} in {}; {} of {} {} an await over {}", format_duration_ns(all_ns),
                     plural(summary.tasks, "task"), watched, slow, plural(rows.size(), "site"),
                     rows.size() == 1 ? "has" : "have", format_duration_ns(summary.slow_ns));
}

}  // namespace

std::vector<std::string> awaits_text(const std::vector<model::AwaitRow>& rows, std::size_t top,
                                     const model::AwaitsSummary& summary, const OutputContext& context,
                                     const model::WaitsOfSites& waits_for) {
  constexpr std::size_t kLongest = 6;
  constexpr std::size_t kSiteColumns = 32;
  std::uint64_t all_ns = 0;
  for (const auto& row : rows) all_ns += row.total_ns;
  const auto shown = rows_worth_showing(rows.size(), top, [&](auto i) { return rows[i].total_ns; });
  Table table({{.heading = "WAITED"},
               {.heading = "SHARE", .expendable = 2},
               {.heading = "±", .expendable = 1},
               {.heading = "NOW"},
               {.heading = "AWAITS"},
               {.heading = "MEAN"},
               {.heading = "LONGEST"}},
              "AWAIT", kSiteColumns);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& row = rows[i];
    Table::Row line;
    line.cells = {format_duration_ns(row.total_ns),
                  format_share(row.total_ns, all_ns),
                  format_duration_ns(row.error_ns),
                  format_count(row.in_flight),
                  about(format_count(row.count), row.estimate),
                  row.mean_ns ? about(format_duration_ns(*row.mean_ns), row.estimate) : "-",
                  row.longest_ns == 0 ? "-" : format_duration_ns(row.longest_ns)};
    line.text = site_text(row.site);
    if (row.longest_ns >= summary.slow_ns) line.marked.insert(kLongest);
    if (i < waits_for.size() && waits_for[i])
      line.below = {shorten_right("   now: " + wait_text(*waits_for[i]), context.columns)};
    table.add(std::move(line));
  }
  auto lines = table.lines(context);
  std::ranges::move(smaller_rows(rows.size(), shown, "sites"), std::back_inserter(lines));
  if (summary.loops == 0) {
    lines.emplace_back("no asyncio loop in this process");
  } else {
    lines.push_back(totals_line(rows, all_ns, summary));
  }
  lines.push_back(fmt::format("{} snapshots, one each {}{}; ~ marks estimates of shorter awaits; aiotrace used {}",
                              format_count(summary.snapshots), format_duration_ns(summary.interval_ns()),
                              summary.slower ? " to keep the budget" : "",
                              format_share(summary.cpu_ns, summary.elapsed_ns) + " of a core"));
  std::vector<std::string> lost;
  if (summary.unreadable != 0) lost.push_back(loss_in_words("task-unreadable", summary.unreadable));
  if (summary.torn != 0) lost.push_back(loss_in_words("task-list-torn", summary.torn));
  std::ranges::move(loss_lines(lost, context), std::back_inserter(lines));
  return lines;
}

}  // namespace aiotrace::output
