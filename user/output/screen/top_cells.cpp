#include "output/screen/top_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "util/duration.h"

namespace aiotrace::output {
namespace {

constexpr std::array<std::uint64_t, 7> kSteps{1'000'000,  5'000'000,   10'000'000, 25'000'000,
                                              50'000'000, 100'000'000, 500'000'000};
constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kAsciiSteps{"_", ".", "-", "=", "+", "*", "%", "#"};

struct GroupSigns {
  std::string_view utf8;
  std::string_view ascii;
  std::string_view words;
};
// Signs in addition to colours, because some people see no colours, and some terminals have none.
GroupSigns signs_of(model::CauseGroup group) {
  switch (group) {
    case model::CauseGroup::on_cpu: return {.utf8 = "█", .ascii = "#", .words = "on CPU"};
    case model::CauseGroup::blocked: return {.utf8 = "▓", .ascii = "=", .words = "blocked"};
    case model::CauseGroup::runnable: return {.utf8 = "▒", .ascii = "-", .words = "no CPU"};
    case model::CauseGroup::not_seen: break;
  }
  return {.utf8 = "░", .ascii = ".", .words = "unknown"};
}

std::size_t group_index(model::Cause cause) {
  const auto* at = std::ranges::find_if(kCauseGroups, [cause](auto group) { return model::is_in(group, cause); });
  return static_cast<std::size_t>(at - kCauseGroups.begin());
}

/// Columns for each group: at least one for each group with time, the rest for the largest.
std::array<std::size_t, kCauseGroups.size()> shares(const std::array<std::uint64_t, kCauseGroups.size()>& ns,
                                                    std::size_t columns) {
  std::array<std::size_t, kCauseGroups.size()> widths{};
  const auto all = std::accumulate(ns.begin(), ns.end(), std::uint64_t{0});
  if (all == 0) return widths;
  std::size_t used = 0;
  for (std::size_t i = 0; i < ns.size(); ++i) {
    if (ns[i] == 0) continue;
    const auto part = static_cast<double>(ns[i]) / static_cast<double>(all) * static_cast<double>(columns);
    widths[i] = std::max<std::size_t>(1, static_cast<std::size_t>(part));
    used += widths[i];
  }
  const auto largest = static_cast<std::size_t>(std::ranges::max_element(ns) - ns.begin());
  if (used < columns) widths[largest] += columns - used;
  if (used > columns) widths[largest] -= std::min(widths[largest], used - columns);
  return widths;
}

}  // namespace

std::string short_duration(std::optional<std::uint64_t> ns) {
  if (!ns) return "-";
  auto text = format_duration_ns(*ns);
  std::erase(text, ' ');
  return text;
}

std::string short_share(std::optional<double> share) {
  if (!share) return "-";
  const double percent = *share * 100;
  if (percent <= 0) return "0%";
  if (percent < 0.1) return "<0.1%";
  return percent < 99.95 ? fmt::format("{:.1f}%", percent) : "100%";
}

std::string short_rate(std::optional<double> per_second) {
  if (!per_second) return "-";
  if (*per_second < 99.95) return fmt::format("{:.1f}", *per_second);
  if (*per_second < 9999.5) return fmt::format("{:.0f}", *per_second);
  if (*per_second < 999'950) return fmt::format("{:.1f}k", *per_second / 1e3);
  return fmt::format("{:.1f}M", *per_second / 1e6);
}

std::string short_count(std::optional<std::uint64_t> count) {
  constexpr std::uint64_t kWritten = 100'000;
  if (!count) return "-";
  return *count < kWritten ? fmt::format("{}", *count) : short_rate(static_cast<double>(*count));
}

void draw_sparkline(Grid& grid, std::size_t row, std::size_t column, std::size_t columns,
                    const std::vector<std::uint64_t>& longest_ns, std::uint64_t warn_ns, std::uint64_t error_ns) {
  const auto shown = std::min(columns, longest_ns.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const auto ns = longest_ns[longest_ns.size() - shown + i];
    if (ns == 0) continue;
    const auto step = static_cast<std::size_t>(std::ranges::upper_bound(kSteps, ns) - kSteps.begin());
    const Ink ink = ns >= error_ns ? Ink::error : ns >= warn_ns ? Ink::warning : Ink::plain;
    grid.put(row, column + columns - shown + i, grid.utf8() ? kBlocks.at(step) : kAsciiSteps.at(step), ink, 1);
  }
}

void draw_causes(Grid& grid, std::size_t row, std::size_t column, std::size_t columns,
                 const std::array<std::uint64_t, model::kCauses>& cause_ns) {
  std::array<std::uint64_t, kCauseGroups.size()> ns{};
  for (const auto& cause : model::kCauseTable) ns.at(group_index(cause.cause)) += cause_ns[model::index(cause.cause)];
  const auto widths = shares(ns, columns);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto sign = cause_sign(kCauseGroups.at(i), grid.utf8());
    for (std::size_t k = 0; k < widths[i] && columns != 0; ++k, --columns)
      grid.put(row, column++, sign, ink_of(kCauseGroups.at(i)), 1);
  }
}

std::string cause_sign(model::CauseGroup group, bool utf8) {
  const auto signs = signs_of(group);
  return std::string(utf8 ? signs.utf8 : signs.ascii);
}

std::string_view cause_words(model::CauseGroup group) { return signs_of(group).words; }

}  // namespace aiotrace::output
