#include <fmt/format.h>

#include <utility>

#include "output/page/exact_awaits.h"
#include "output/page/page.h"
#include "output/text/losses.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kMaxRows = 1'500;
constexpr std::size_t kSiteBytes = 500'000;
constexpr std::size_t kDelayBytes = 300'000;

void add_durations(PageJson& json, const model::Durations& durations) {
  constexpr double kMedian = 0.5;
  constexpr double kHigh = 0.99;
  const auto known = [&durations](std::uint64_t ns) {
    return durations.count == 0 ? PageJson(nullptr) : PageJson(page_micros(ns));
  };
  json["count"] = durations.count;
  json["us"] = page_micros(durations.total_ns);
  json["mean_us"] = known(durations.mean_ns());
  json["p50_us"] = known(durations.percentile(kMedian));
  json["p99_us"] = known(durations.percentile(kHigh));
  json["max_us"] = page_micros(durations.max_ns);
}

PageJson site_json(const model::ExactAwaitRow& row) {
  PageJson json{{"function", page_name(row.site.place.function)},
                {"file", page_name(row.site.place.file)},
                {"line", row.site.place.line},
                {"awaits", page_name(row.site.awaits)},
                {"coroutine", page_name(row.site.coroutine)},
                {"now", row.in_flight.count}};
  add_durations(json, row.waited);
  json["us"] = page_micros(row.total_ns());
  json["max_us"] = page_micros(row.longest_ns());
  json["open"] = row.in_flight.count != 0;
  json["max_open"] = row.longest_goes_on();
  return json;
}

PageJson notes_json(const model::ExactSummary& summary) {
  auto notes = PageJson::array();
  notes.push_back(
      "One await is one suspension: a library call that suspends twice counts twice. Percentiles are within 6 %.");
  notes.push_back(
      fmt::format("It cost the process {}: {} traps, {} an entry, {} a return; of the time of the thread "
                  "that steps most {:.1f} %, of {:.3g} % allowed{}.",
                  format_duration_ns(summary.cost_ns), format_count(summary.traps),
                  format_duration_ns(summary.entry_ns), format_duration_ns(summary.return_ns), 100 * summary.most_share,
                  100 * summary.max_share, summary.too_dear ? ", which ended the run early" : ""));
  std::vector<std::string> losses;
  for (const auto& [name, count] : summary.losses) {
    if (count != 0) losses.push_back(loss_in_words(name, count));
  }
  notes.push_back(losses.empty() ? "Nothing was lost." : fmt::format("Lost: {}.", fmt::join(losses, "; ")));
  return notes;
}

}  // namespace

std::string exact_awaits_page(const std::string& title, const std::vector<model::ExactAwaitRow>& rows,
                              const std::vector<model::DelayRow>& delays, const model::ExactSummary& summary,
                              const OutputContext& context) {
  PageRows site_rows(kMaxRows, kSiteBytes);
  std::uint64_t waited_ns = 0, awaits = 0, slow = 0;
  for (const auto& row : rows) {
    waited_ns += row.total_ns();
    awaits += row.waited.count;
    if (row.longest_ns() >= summary.slow_ns) ++slow;
    site_rows.add(site_json(row));
  }
  PageRows delay_rows(kMaxRows, kDelayBytes);
  for (const auto& row : delays) {
    PageJson json{{"tasks", page_name(row.tasks)}, {"coroutine", page_name(row.coroutine)}};
    add_durations(json, row.delay);
    delay_rows.add(std::move(json));
  }
  auto notes = notes_json(summary);
  for (const auto& [left_out, what] : {std::pair{site_rows.left_out(), "sites"}, {delay_rows.left_out(), "delays"}}) {
    if (left_out != 0)
      notes.push_back(fmt::format("{} {} with the least time are left out.", format_count(left_out), what));
  }
  PageJson data{{"title", page_name(title)},
                {"start_ms", unix_ms(summary.first_ns, context)},
                {"elapsed_us", page_micros(summary.elapsed_ns)},
                {"slow_us", page_micros(summary.slow_ns)},
                {"slow_sites", slow},
                {"all_sites", rows.size()},
                {"waited_us", page_micros(waited_ns)},
                {"awaits", awaits},
                {"sites", site_rows.take()},
                {"delays", delay_rows.take()},
                {"notes", std::move(notes)}};
  return page_of(PageKind::exact_awaits, data);
}

}  // namespace aiotrace::output
