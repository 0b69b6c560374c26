// The text format's first and last words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "model/cause.h"
#include "output/leaks.h"
#include "output/names.h"
#include "output/style.h"
#include "output/text.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using model::Summary;
using Lines = std::vector<std::string>;

std::string plural(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", format_count(count), one, count == 1 ? "" : "s");
}

std::uint64_t stalled_ns(const Summary& summary) {
  return std::accumulate(summary.cause_ns.begin(), summary.cause_ns.end(), std::uint64_t{0});
}

void heading(Lines& lines, std::string_view text, const OutputContext& context) {
  lines.emplace_back();
  lines.push_back(paint(text, Color::bold, context));
}

void append_totals(Lines& lines, const Summary& summary, const OutputContext& context) {
  auto text = fmt::format("Watched {} for {}: ", plural(summary.loops.size(), "loop"),
                          format_duration_ns(summary.elapsed_ns));
  if (summary.stalls == 0) {
    text += fmt::format("no stall of {} or more", format_duration_ns(summary.warn_ns));
  } else {
    text += fmt::format("{} ({} of {} or more), {} stalled", plural(summary.stalls, "stall"),
                        format_count(summary.errors), format_duration_ns(summary.error_ns),
                        format_duration_ns(stalled_ns(summary)));
  }
  heading(lines, text, context);
}

void append_loops(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 20;
  constexpr std::size_t kThread = 16;
  if (summary.loops.empty()) return;
  auto loops = summary.loops;
  std::stable_sort(loops.begin(), loops.end(), [](const auto& a, const auto& b) {
    return a.stalls != b.stalls ? a.stalls > b.stalls : a.busy_ns > b.busy_ns;
  });
  const auto shown = context.verbose ? loops.size() : std::min(kShown, loops.size());
  heading(lines, "Loops", context);
  lines.push_back(fmt::format("{:>8} {:>8}  {:<16}  {:<7} {:>12} {:>7} {:>7} {:>7} {:>8} {:>7}", "pid", "tid", "thread",
                              "kind", "iterations", "busy", "p50", "p99", "max", "stalls"));
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& loop = loops[i];
    const auto thread = pad_right(shorten_right(clean_for_terminal(loop.thread), kThread), kThread);
    lines.push_back(
        fmt::format("{:>8} {:>8}  {}  {:<7} {:>12} {:>7} {} {} {} {:>7}", loop.pid, loop.tid, thread, name(loop.kind),
                    format_count(loop.iterations), format_share(loop.busy_ns, summary.elapsed_ns),
                    pad_left(format_duration_ns(loop.p50_ns), 7), pad_left(format_duration_ns(loop.p99_ns), 7),
                    pad_left(format_duration_ns(loop.max_ns), 8), format_count(loop.stalls)));
  }
  if (shown < loops.size()) lines.push_back(fmt::format("   and {} more", loops.size() - shown));
}

void append_causes(Lines& lines, const Summary& summary, const OutputContext& context) {
  const auto total = stalled_ns(summary);
  if (total == 0) return;
  heading(lines, "Stalled time by cause", context);
  std::array<std::size_t, model::kCauses> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&summary](std::size_t a, std::size_t b) { return summary.cause_ns[a] > summary.cause_ns[b]; });
  for (const auto i : order) {
    if (summary.cause_ns[i] == 0) break;
    lines.push_back(fmt::format("   {:<10} {}  {:>7}", model::name(static_cast<Cause>(i)),
                                pad_left(format_duration_ns(summary.cause_ns[i]), 8),
                                format_share(summary.cause_ns[i], total)));
  }
}

void append_places(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 10;
  constexpr std::size_t kCause = 22;
  constexpr std::size_t kFunction = 22;
  constexpr std::size_t kUsed = 29 + kCause + 2 + kFunction + 2;
  if (summary.places.empty()) return;
  heading(lines, "Places that cost most", context);
  lines.push_back(
      fmt::format("{:>9} {:>7} {:>9}  {:<22}  {:<22}  {}", "total", "stalls", "worst", "cause", "function", "line"));
  const auto room = std::max<std::size_t>(context.columns, kUsed + 16) - kUsed;
  const auto shown = context.verbose ? summary.places.size() : std::min(kShown, summary.places.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& place = summary.places[i];
    auto cause = std::string(model::name(place.cause));
    if (!place.syscall.empty()) cause += " " + clean_for_terminal(place.syscall);
    auto function = clean_for_terminal(place.function);
    if (function.empty()) function = place.others ? "(smaller places)" : "(no Python stack)";
    auto line = fmt::format("{} {:>7} {}  {}  {}", pad_left(format_duration_ns(place.ns), 9),
                            format_count(place.stalls), pad_left(format_duration_ns(place.max_ns), 9),
                            pad_right(shorten_right(cause, kCause), kCause),
                            pad_right(shorten_left(function, kFunction), kFunction));
    const auto where = shorten_left(place_text(place.file, place.line), room);
    if (!where.empty()) line += "  " + where;
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
    if (!context.advice || place.advice.empty()) continue;
    constexpr std::size_t kIndent = 5;
    const auto width = std::max(context.columns, 2 * kIndent) - kIndent;
    const auto advice = shorten_right("→ " + clean_for_terminal(place.advice), width);
    lines.push_back(paint(std::string(kIndent, ' ') + advice, Color::dim, context));
  }
  if (shown < summary.places.size()) lines.push_back(fmt::format("   and {} more", summary.places.size() - shown));
}

void append_leaks(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 10;
  if (!summary.last_leak_scan) return;
  heading(lines, summary.leaks.empty() ? "Leaks: none" : "Leaks", context);
  for (auto& line : leak_lines(summary.leaks, context.verbose ? 0 : kShown, context)) lines.push_back(std::move(line));
}

void append_losses(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kIndent = 3;
  constexpr std::size_t kGap = 3;
  const bool lost = std::any_of(summary.losses.begin(), summary.losses.end(), [](auto count) { return count != 0; });
  heading(lines, lost ? "Losses" : "Losses: none", context);
  Lines pieces;
  for (std::size_t i = 0; i < model::kLosses; ++i) {
    pieces.push_back(fmt::format("{} {}", model::name(static_cast<model::Loss>(i)), format_count(summary.losses[i])));
  }
  for (auto& line : flow(pieces, kIndent, kGap, context)) {
    lines.push_back(lost ? paint(line, Color::yellow, context) : std::move(line));
  }
}

void append_cost(Lines& lines, const Summary& summary, const OutputContext& context) {
  const auto& cost = summary.cost;
  heading(lines, "Cost of tracing", context);
  std::string bpf = "BPF run time not measured";
  if (cost.bpf_ns) {
    bpf = fmt::format("BPF {} ({} of a CPU)", format_duration_ns(*cost.bpf_ns),
                      format_share(*cost.bpf_ns, summary.elapsed_ns));
    if (cost.runs) bpf += " in " + plural(*cost.runs, "run");
    if (cost.measured_ns && *cost.measured_ns < summary.elapsed_ns / 2)
      bpf += fmt::format(", measured in {} of the time", format_share(*cost.measured_ns, summary.elapsed_ns));
  }
  std::string own = "aiotrace itself";
  if (cost.cpu_ns) {
    own += fmt::format(" {} ({} of a CPU)", format_duration_ns(*cost.cpu_ns),
                       format_share(*cost.cpu_ns, summary.elapsed_ns));
  }
  if (cost.rss_bytes) own += fmt::format("{} {}", cost.cpu_ns ? "," : "", format_bytes(*cost.rss_bytes));
  if (!cost.cpu_ns && !cost.rss_bytes) own += " not measured";
  lines.push_back(fmt::format("   {}; {}", bpf, own));
}

}  // namespace

std::vector<std::string> watching_lines(const model::Watching& watching, const OutputContext& context) {
  constexpr std::size_t kComm = 40;
  Lines lines;
  if (watching.all) {
    lines.push_back(
        fmt::format("Watching every event loop on this machine: {} now, and those to come",
                    watching.targets.size() == 1 ? "1 process" : fmt::format("{} processes", watching.targets.size())));
  }
  for (const auto& target : watching.targets) {
    if (watching.all) break;
    if (watching.starting) {
      lines.push_back(
          fmt::format("Starting {} as pid {}", shorten_right(clean_for_terminal(target.comm), kComm), target.pid));
      continue;
    }
    lines.push_back(fmt::format("Watching pid {} {} ({}, {})", target.pid,
                                shorten_right(clean_for_terminal(target.comm), kComm),
                                target.python ? "Python " + clean_for_terminal(*target.python) : "no Python detail",
                                target.loops == 0 ? "no loop yet" : plural(target.loops, "loop")));
  }
  lines.push_back(paint(fmt::format("Stalls of {} or more; errors from {}", format_duration_ns(watching.warn_ns),
                                    format_duration_ns(watching.error_ns)),
                        Color::dim, context));
  return lines;
}

std::vector<std::string> summary_lines(const Summary& summary, const OutputContext& context) {
  Lines lines;
  append_totals(lines, summary, context);
  append_loops(lines, summary, context);
  append_causes(lines, summary, context);
  append_places(lines, summary, context);
  append_leaks(lines, summary, context);
  append_losses(lines, summary, context);
  append_cost(lines, summary, context);
  return lines;
}

}  // namespace aiotrace::output
