#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "model/cause.h"
#include "output/labels.h"
#include "output/text/comparison.h"
#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

// Stalled time per second watched, by which runs of different length can be compared.
std::string per_second(double share) { return format_duration_ns(static_cast<std::uint64_t>(share * 1e9)) + "/s"; }

double share_of(std::uint64_t ns, const model::Summary& summary) {
  return summary.elapsed_ns == 0 ? 0 : static_cast<double>(ns) / static_cast<double>(summary.elapsed_ns);
}

std::uint64_t stalled_ns(const model::Summary& summary) {
  return std::accumulate(summary.cause_ns.begin(), summary.cause_ns.end(), std::uint64_t{0});
}

std::string totals(const std::string& name, const std::string& file, const model::Summary& summary) {
  return fmt::format("  {} {:>8} stalls {:>8} errors {:>12} stalled, in {:>8}  {}", name, format_count(summary.stalls),
                     format_count(summary.errors), per_second(share_of(stalled_ns(summary), summary)),
                     format_duration_ns(summary.elapsed_ns), clean_for_terminal(file));
}

std::string place_line(const model::PlaceChange& each, const OutputContext& context) {
  const auto& place = each.after ? *each.after : *each.before;
  auto what = std::string(model::name(place.cause));
  if (!place.syscall.empty()) what += " " + clean_for_terminal(place.syscall);
  auto where = place.others             ? std::string("(all smaller places)")
               : place.function.empty() ? std::string(no_stack_label(place.cause))
                                        : clean_for_terminal(place.function);
  constexpr std::size_t kChange = 6;
  constexpr std::size_t kShare = 12;
  constexpr std::size_t kWhat = 22;
  constexpr std::size_t kWhere = 24;
  const auto side = [](bool there, double share) { return pad_left(there ? per_second(share) : "–", kShare); };
  auto line = fmt::format("  {} {} {}  {} {}", pad_right(std::string(model::name(each.change)), kChange),
                          side(each.before.has_value(), each.before_share),
                          side(each.after.has_value(), each.after_share), pad_right(shorten_right(what, kWhat), kWhat),
                          pad_right(shorten_right(where, kWhere), kWhere));
  const auto room = context.columns > display_width(line) + 2 ? context.columns - display_width(line) - 1 : 1;
  const auto file = place_text(place.file, place.line);
  if (!file.empty()) line += " " + shorten_left(file, std::max<std::size_t>(room, 16));
  line.erase(line.find_last_not_of(' ') + 1);
  const bool worse = each.change == model::Change::came || each.change == model::Change::grew;
  return each.change == model::Change::same ? line : paint(line, worse ? Color::red : Color::cyan, context);
}

}  // namespace

std::vector<std::string> comparison_lines(const model::Comparison& comparison, const std::string& before,
                                          const std::string& after, const OutputContext& context) {
  std::vector<std::string> lines{totals("before", before, comparison.before), totals("after ", after, comparison.after),
                                 "", "  change       before        after  cause                  function"};
  // Share of the largest rate, before or after: a rate below 1 % of it does not matter.
  constexpr double kLeastPart = 0.01;
  double largest = 0;
  for (const auto& place : comparison.places) largest = std::max({largest, place.before_share, place.after_share});
  std::size_t same = 0, smaller = 0;
  for (const auto& place : comparison.places) {
    if (context.verbose) {
      lines.push_back(place_line(place, context));
    } else if (place.change == model::Change::same) {
      ++same;
    } else if (std::max(place.before_share, place.after_share) < kLeastPart * largest) {
      ++smaller;
    } else {
      lines.push_back(place_line(place, context));
    }
  }
  if (smaller != 0) lines.push_back(fmt::format("  … and {} smaller (-v shows them)", format_count(smaller)));
  if (same != 0) lines.push_back(fmt::format("  {} stayed the same (-v shows them)", format_count(same)));
  return lines;
}

}  // namespace aiotrace::output
