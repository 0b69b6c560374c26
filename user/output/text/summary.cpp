// The text format's first and last words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <span>

#include "model/cause.h"
#include "output/labels.h"
#include "output/text/hangs.h"
#include "output/text/leaks.h"
#include "output/text/losses.h"
#include "output/text/run.h"
#include "output/text/spinning.h"
#include "output/text/style.h"
#include "output/text/table.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Summary;
using Lines = std::vector<std::string>;

std::uint64_t stalled_ns(const Summary& summary) {
  return std::accumulate(summary.cause_ns.begin(), summary.cause_ns.end(), std::uint64_t{0});
}

void heading(Lines& lines, std::string_view text, const OutputContext& context) {
  lines.emplace_back();
  lines.push_back(paint(text, Color::bold, context));
}

void append_totals(Lines& lines, const Summary& summary, const OutputContext& context) {
  // Recordings of the daemon have stalls, and no account of loops.
  const auto watched = summary.loops.empty() ? "In" : "Watched " + plural(summary.loops.size(), "loop") + " for";
  auto text = fmt::format("{} {}: ", watched, format_duration_ns(summary.elapsed_ns));
  if (summary.loops.empty() && summary.stalls == 0) {
    text = fmt::format("Watched for {}: no event loop was seen", format_duration_ns(summary.elapsed_ns));
  } else if (summary.stalls == 0) {
    text += fmt::format("no stall of {} or more", format_duration_ns(summary.warn_ns));
  } else {
    text += fmt::format("{} ({} of {} or more), {} stalled", plural(summary.stalls, "stall"),
                        format_count(summary.errors), format_duration_ns(summary.error_ns),
                        format_duration_ns(stalled_ns(summary)));
  }
  heading(lines, text, context);
}

// More than one process: rows have its name.
template <class Rows>
bool several_processes(const Rows& rows) {
  return std::ranges::any_of(rows, [&rows](const auto& row) { return row.comm != rows.front().comm; });
}

void append_loops(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 20;
  if (summary.loops.empty()) return;
  auto loops = summary.loops;
  std::stable_sort(loops.begin(), loops.end(), [](const auto& a, const auto& b) {
    return a.stalls != b.stalls ? a.stalls > b.stalls : a.busy_ns > b.busy_ns;
  });
  const auto shown = context.verbose ? loops.size() : std::min(kShown, loops.size());
  heading(lines, "Loops", context);
  using enum Column::Side;
  std::vector<Column> columns{{.heading = "pid"},
                              {.heading = "tid", .expendable = 3},
                              {.heading = "thread", .side = left, .most = 16},
                              {.heading = "kind", .side = left, .expendable = 1},
                              {.heading = "iterations"},
                              {.heading = "busy"},
                              {.heading = "p50", .expendable = 2},
                              {.heading = "p99"},
                              {.heading = "max"},
                              {.heading = "stalls"}};
  const bool processes = several_processes(loops);
  if (processes) columns.insert(columns.begin() + 1, {.heading = "process", .side = left, .least = 8, .most = 16});
  Table table(std::move(columns));
  for (const auto& loop : std::span(loops).first(shown)) {
    std::vector<std::string> cells{std::to_string(loop.pid),        std::to_string(loop.tid),
                                   clean_for_terminal(loop.thread), std::string(name(loop.kind)),
                                   format_count(loop.iterations),   format_share(loop.busy_ns, summary.elapsed_ns),
                                   format_duration_ns(loop.p50_ns), format_duration_ns(loop.p99_ns),
                                   format_duration_ns(loop.max_ns), format_count(loop.stalls)};
    if (processes) cells.insert(cells.begin() + 1, clean_for_terminal(loop.comm));
    table.add({.cells = std::move(cells), .text = {}});
  }
  std::ranges::move(table.lines(context), std::back_inserter(lines));
  if (shown < loops.size()) lines.push_back(fmt::format("   and {} more", loops.size() - shown));
}

void append_unseen(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 5;
  const auto& unseen = summary.unseen_loops;
  const auto shown = context.verbose ? unseen.size() : std::min(kShown, unseen.size());
  for (const auto& loop : std::span(unseen).first(shown)) {
    const auto text = fmt::format(
        "Not seen: the asyncio loop of pid {}, thread {} (tid {}), which waits by {}: nothing is "
        "known of its stalls",
        loop.pid, clean_for_terminal(loop.thread), loop.tid, clean_for_terminal(loop.waits_by));
    for (const auto& line : wrapped(text, "   ", context)) lines.push_back(paint(line, Color::yellow, context));
  }
  if (shown < unseen.size()) lines.push_back(fmt::format("   and {} more loops are not seen", unseen.size() - shown));
}

void append_spinning(Lines& lines, const Summary& summary, const OutputContext& context) {
  for (const auto& loop : summary.spinning_loops) {
    for (const auto& line : wrapped(spinning_text(loop), "   ", context))
      lines.push_back(paint(line, Color::yellow, context));
  }
}

void append_taken_over(Lines& lines, const Summary& summary, const OutputContext& context) {
  if (summary.taken_over == 0) return;
  const auto text = fmt::format("Not counted: {} of threads while another thread polled the same epoll",
                                plural(summary.taken_over, "long wait"));
  for (auto& line : wrapped(text, "   ", context)) lines.push_back(std::move(line));
}

void append_causes(Lines& lines, const Summary& summary, const OutputContext& context) {
  const auto total = stalled_ns(summary);
  if (total == 0) return;
  heading(lines, "Stalled time by cause", context);
  for (const auto cause : model::causes_by_size(summary.cause_ns)) {
    const auto ns = summary.cause_ns[model::index(cause)];
    lines.push_back(fmt::format("   {:<10} {}  {:>7}", model::name(cause), pad_left(format_duration_ns(ns), 8),
                                format_share(ns, total)));
  }
}

std::vector<std::string> advice_lines(const model::Place& place, const OutputContext& context) {
  if (!context.advice || place.advice.empty()) return {};
  auto lines = wrapped(clean_for_terminal(place.advice), "     → ", context);
  for (auto& line : lines) line = paint(line, Color::dim, context);
  return lines;
}

// What else took its time there, and where that is: lines below the row.
Lines below_place(const model::Place& place, bool processes, const OutputContext& context) {
  Lines lines;
  std::string text = processes && !place.comm.empty() ? "in process " + clean_for_terminal(place.comm) : "";
  if (const auto causes = place_causes(place); !causes.empty()) text += (text.empty() ? "" : ": ") + causes;
  if (!text.empty()) lines = wrapped(text, "     ", context);
  std::ranges::move(advice_lines(place, context), std::back_inserter(lines));
  return lines;
}

Table::Row place_row(const model::Place& place, bool processes, const OutputContext& context) {
  auto cause = std::string(model::name(place.cause));
  if (!place.syscall.empty()) cause += " " + clean_for_terminal(place.syscall);
  auto function = clean_for_terminal(place.function);
  if (function.empty()) function = place.others ? "(smaller places)" : std::string(no_stack_label(place.cause));
  return {.cells = {format_duration_ns(place.ns), format_count(place.stalls), format_duration_ns(place.max_ns),
                    std::move(cause), std::move(function)},
          .text = [where = place_text(place.file, place.line)](
                      std::size_t columns) { return shorten_left(where, columns); },
          .marked = {},
          .below = below_place(place, processes, context)};
}

void append_places(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 10;
  constexpr std::size_t kLine = 20;
  if (summary.places.empty()) return;
  heading(lines, "Places that cost most", context);
  using enum Column::Side;
  Table table({{.heading = "total"},
               {.heading = "stalls"},
               {.heading = "worst"},
               {.heading = "cause", .side = left, .least = 12, .most = 22},
               {.heading = "function", .side = left, .least = 14, .most = 24, .keep_end = true}},
              "line", kLine);
  const auto shown = context.verbose ? summary.places.size() : std::min(kShown, summary.places.size());
  const bool processes = several_processes(summary.loops);
  for (const auto& place : std::span(summary.places).first(shown)) table.add(place_row(place, processes, context));
  std::ranges::move(table.lines(context), std::back_inserter(lines));
  if (shown < summary.places.size()) lines.push_back(fmt::format("   and {} more", summary.places.size() - shown));
}

void append_leaks(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 10;
  constexpr std::size_t kShownCandidates = 3;
  if (!summary.last_leak_scan) return;
  heading(lines, leaks_heading(summary.leaks, summary.last_leak_scan->unclassified), context);
  const bool leaks = std::ranges::any_of(summary.leaks, &model::Leak::leak);
  const std::size_t most = context.verbose ? 0 : leaks ? kShown : kShownCandidates;
  std::ranges::move(leak_lines(summary.leaks, most, context), std::back_inserter(lines));
}

void append_hangs(Lines& lines, const Summary& summary, const OutputContext& context) {
  constexpr std::size_t kShown = 5;
  if (summary.hang_looks == 0) return;
  const auto proved = static_cast<std::size_t>(std::ranges::count_if(summary.hangs, model::is_proved));
  auto text = fmt::format("Hangs: {} proved in {}", proved == 0 ? "none" : format_count(proved),
                          plural(summary.hang_looks, "look"));
  const auto rest = summary.hangs.size() - proved;
  if (rest != 0) text += fmt::format("; {}", plural(rest, "other wait"));
  heading(lines, text, context);
  const auto shown = context.verbose ? summary.hangs.size() : std::min(kShown, summary.hangs.size());
  for (const auto& hang : std::span(summary.hangs).first(shown))
    std::ranges::move(wrapped(hang_headline(hang), fmt::format("   pid {}  ", hang.pid), context),
                      std::back_inserter(lines));
  if (shown < summary.hangs.size()) lines.push_back(fmt::format("   and {} more", summary.hangs.size() - shown));
}

bool lost_by_one_of_several(const Summary& summary) {
  if (summary.lost_by.empty()) return false;
  const auto pid = summary.lost_by.front().pid;
  return summary.lost_by.size() > 1 ||
         std::ranges::any_of(summary.loops, [pid](const auto& loop) { return loop.pid != pid; });
}

// A flood of one process is not the loss of another.
std::string lost_by_text(const Summary& summary) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (const auto& lost : std::span(summary.lost_by).first(std::min(kShown, summary.lost_by.size())))
    text += fmt::format("{}{} of pid {}{}", text.empty() ? "" : ", ", format_count(lost.records), lost.pid,
                        lost.comm.empty() ? "" : " " + clean_for_terminal(lost.comm));
  if (kShown < summary.lost_by.size()) text += fmt::format(", others of {} more", summary.lost_by.size() - kShown);
  return "of the records without room " + text;
}

void append_losses(Lines& lines, const Summary& summary, const OutputContext& context) {
  auto sentences = losses_in_words(summary.losses);
  if (lost_by_one_of_several(summary)) sentences.push_back(lost_by_text(summary));
  if (!sentences.empty()) lines.emplace_back();
  std::ranges::move(loss_lines(sentences, context), std::back_inserter(lines));
  if (!context.verbose) return;
  heading(lines, "Losses by name", context);
  constexpr std::size_t kIndent = 3;
  constexpr std::size_t kGap = 3;
  Lines pieces;
  for (std::size_t i = 0; i < model::kLosses; ++i)
    pieces.push_back(fmt::format("{} {}", model::name(static_cast<model::Loss>(i)), format_count(summary.losses[i])));
  std::ranges::move(flow(pieces, kIndent, kGap, context), std::back_inserter(lines));
}

void append_cost(Lines& lines, const Summary& summary, const OutputContext& context) {
  const auto& cost = summary.cost;
  heading(lines, "Cost of tracing", context);
  std::string bpf = "BPF run time not measured";
  if (cost.bpf_ns) {
    bpf = fmt::format("BPF {} ({} of a CPU)", format_duration_ns(*cost.bpf_ns),
                      format_share(*cost.bpf_ns, summary.elapsed_ns));
    if (cost.targets_cpu_ns && *cost.targets_cpu_ns != 0)
      bpf.insert(bpf.size() - 1,
                 fmt::format(", {} of the processes' CPU time", format_share(*cost.bpf_ns, *cost.targets_cpu_ns)));
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
  std::ranges::move(wrapped(bpf + "; " + own, "   ", context), std::back_inserter(lines));
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
    lines.push_back(fmt::format("Watching pid {} {} ({}{})", target.pid,
                                shorten_right(clean_for_terminal(target.comm), kComm),
                                target.python ? "Python " + clean_for_terminal(*target.python) : "not Python",
                                target.loops == 0 ? "; no event loop seen yet" : ", " + plural(target.loops, "loop")));
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
  append_unseen(lines, summary, context);
  append_spinning(lines, summary, context);
  append_taken_over(lines, summary, context);
  append_causes(lines, summary, context);
  append_places(lines, summary, context);
  append_leaks(lines, summary, context);
  append_hangs(lines, summary, context);
  append_losses(lines, summary, context);
  append_cost(lines, summary, context);
  return lines;
}

}  // namespace aiotrace::output
