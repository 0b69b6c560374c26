#include <fmt/format.h>

#include <utility>

#include "output/page/awaits.h"
#include "output/page/page.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kMaxSites = 1'500;
constexpr std::size_t kSiteBytes = 450'000;

PageJson site_json(const model::AwaitRow& row) {
  return {{"us", page_micros(row.total_ns)},
          {"error_us", page_micros(row.error_ns)},
          {"now", row.in_flight},
          {"count", row.count},
          {"mean_us", row.mean_ns ? PageJson(page_micros(*row.mean_ns)) : PageJson(nullptr)},
          {"longest_us", page_micros(row.longest_ns)},
          {"estimate", row.estimate},
          {"function", page_name(row.site.place.function)},
          {"file", page_name(row.site.place.file)},
          {"line", row.site.place.line},
          {"awaits", page_name(row.site.awaits)},
          {"coroutine", page_name(row.site.coroutine)}};
}

PageJson notes_json(const model::AwaitsSummary& summary, std::size_t left_out, bool flame_cut) {
  auto notes = PageJson::array();
  notes.push_back(
      "Totals are right within ±. An await that is shorter than the time between two snapshots is seen by chance, in "
      "proportion to its length: its count is then a lower, its mean an upper bound.");
  if (summary.slower) notes.push_back("Snapshots were taken less often than requested, to keep the budget.");
  if (left_out != 0) notes.push_back(fmt::format("{} sites with the least time are left out.", format_count(left_out)));
  if (flame_cut) notes.push_back("The narrowest parts of the flame graph are left out.");
  notes.push_back(
      summary.unreadable == 0 && summary.torn == 0
          ? "Nothing was lost."
          : fmt::format("Lost: tasks that ended while they were read {}, snapshots in which tasks may be missing {}.",
                        format_count(summary.unreadable), format_count(summary.torn)));
  notes.push_back(fmt::format("aiotrace used {} of a core.", format_share(summary.cpu_ns, summary.elapsed_ns)));
  return notes;
}

}  // namespace

std::string awaits_page(const std::string& title, const std::vector<model::AwaitRow>& rows,
                        const model::WeightedStacks& stacks, const model::AwaitsSummary& summary,
                        const OutputContext& context) {
  PageNames names;
  auto flame = page_flame(stacks, names);
  PageRows sites(kMaxSites, kSiteBytes);
  std::uint64_t waited_ns = 0, slow = 0;
  for (const auto& row : rows) {
    waited_ns += row.total_ns;
    if (row.longest_ns >= summary.slow_ns) ++slow;
    sites.add(site_json(row));
  }
  const auto left_out = sites.left_out();
  PageJson data{{"title", page_name(title)},
                {"start_ms", unix_ms(summary.time_ns - summary.elapsed_ns, context)},
                {"elapsed_us", page_micros(summary.elapsed_ns)},
                {"watched_us", page_micros(summary.watched_ns)},
                {"interval_us", page_micros(summary.interval_ns())},
                {"snapshots", summary.snapshots},
                {"tasks", summary.tasks},
                {"slow_us", page_micros(summary.slow_ns)},
                {"slow_sites", slow},
                {"all_sites", rows.size()},
                {"waited_us", page_micros(waited_ns)},
                {"sites", sites.take()},
                {"notes", notes_json(summary, left_out, flame.cut)},
                {"flame", std::move(flame.json)}};
  names.take_into(data);
  return page_of(PageKind::awaits, data);
}

}  // namespace aiotrace::output
