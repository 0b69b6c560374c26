#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "model/cause.h"
#include "output/text/losses.h"
#include "output/text/profile.h"
#include "output/text/profile_waits.h"
#include "output/text/style.h"
#include "output/text/table.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using Kind = model::ProfileRow::Kind;
using model::ProfileMode;
using Lines = std::vector<std::string>;

std::function<std::string(std::size_t)> frame_text(const model::Frame& frame, const std::string& before = {}) {
  auto name = before + clean_for_terminal(frame.function.empty() ? "?" : frame.function);
  auto place = place_text(frame.file, frame.line);
  if (place == frame.function) place.clear();
  return [name = std::move(name), place = std::move(place)](std::size_t columns) {
    return fitted(name, place, {}, columns);
  };
}

std::function<std::string(std::size_t)> plain_text(const std::string& text) {
  return [text = clean_for_terminal(text)](std::size_t columns) { return shorten_right(text, columns); };
}

constexpr std::size_t kTextColumns = 32;

void put(Lines& lines, const Table& table, const OutputContext& context) {
  std::ranges::move(table.lines(context), std::back_inserter(lines));
}

void put_smaller(Lines& lines, std::size_t count, std::size_t shown, std::string_view what) {
  std::ranges::move(smaller_rows(count, shown, what), std::back_inserter(lines));
}

void put_functions(Lines& lines, const std::vector<model::ProfileRow>& rows, std::size_t top,
                   const OutputContext& context) {
  const auto functions = model::functions_of(rows);
  if (functions.empty()) return;
  std::uint64_t all_ns = 0;
  for (const auto& row : rows) all_ns += row.ns;
  Table table({{.heading = "SELF"},
               {.heading = "SHARE"},
               {.heading = "TOTAL"},
               {.heading = "SHARE"},
               {.heading = "±", .expendable = 1}},
              "FUNCTION", kTextColumns);
  const auto shown = rows_worth_showing(functions.size(), top, [&](auto i) { return functions[i].self_ns; });
  for (const auto& function : std::span(functions).first(shown)) {
    table.add({.cells = {format_duration_ns(function.self_ns), format_share(function.self_ns, all_ns),
                         format_duration_ns(function.total_ns), format_share(function.total_ns, all_ns),
                         function.error_ns == 0 ? "-" : format_share(function.error_ns, all_ns)},
               .text = frame_text(function.frame)});
  }
  put(lines, table, context);
  put_smaller(lines, functions.size(), shown, "functions");
}

// The places of the waits: by innermost frame, cause and target.
void put_waits(Lines& lines, const std::vector<model::ProfileRow>& rows, std::size_t top,
               const OutputContext& context) {
  const auto waits = waits_of(rows);
  if (waits.empty()) return;
  std::uint64_t all_ns = 0;
  for (const auto& row : rows) all_ns += row.ns;
  Table table({{.heading = "OFF CPU"}, {.heading = "SHARE"}, {.heading = "TIMES"}, {.heading = "LONGEST"}}, "WAIT",
              kTextColumns);
  const auto shown = rows_worth_showing(waits.size(), top, [&](auto i) { return waits[i].ns; });
  for (const auto& wait : std::span(waits).first(shown)) {
    auto text = std::string(model::name(wait.cause));
    if (!wait.what.empty()) text += " " + wait.what;
    text += "  in ";
    table.add({.cells = {format_duration_ns(wait.ns), format_share(wait.ns, all_ns), format_count(wait.count),
                         format_duration_ns(wait.max_ns)},
               .text = wait.frame ? frame_text(*wait.frame, text) : plain_text(text + "thread " + wait.thread)});
  }
  put(lines, table, context);
  put_smaller(lines, waits.size(), shown, "waits");
}

void put_causes(Lines& lines, const std::vector<model::ProfileRow>& rows, const OutputContext& context) {
  std::map<std::string_view, std::uint64_t> sums;
  std::uint64_t all_ns = 0, shorter_ns = 0;
  for (const auto& row : rows) {
    sums[row.kind == Kind::idle ? "idle" : model::name(row.cause)] += row.ns;
    if (row.kind == Kind::shorter) shorter_ns += row.ns;
    all_ns += row.ns;
  }
  std::vector<std::pair<std::string_view, std::uint64_t>> order(sums.begin(), sums.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  Lines pieces;
  for (const auto& [cause, ns] : order)
    pieces.push_back(fmt::format("{} {} ({})", cause, format_duration_ns(ns), format_share(ns, all_ns)));
  for (auto& line : flow(pieces, 3, 3, context)) lines.push_back(std::move(line));
  if (shorter_ns != 0)
    lines.push_back(fmt::format("   of these {} in intervals shorter than --min, without their stacks",
                                format_duration_ns(shorter_ns)));
}

// Who holds the GIL: shares of the watched time.
void put_gil(Lines& lines, const model::ProfileReport& report, std::size_t top, const OutputContext& context) {
  const auto rows = gil_rows(report.rows);
  lines.push_back(fmt::format("The GIL was held for {} ({} of the time); threads waited {} for it",
                              format_duration_ns(rows.held_ns), format_share(rows.held_ns, report.elapsed_ns),
                              format_duration_ns(rows.waited_ns)));
  const auto holders = gil_holders_of(rows.held);
  Table threads({{.heading = "HELD"}, {.heading = "OF TIME"}}, "THREAD", kTextColumns);
  const auto shown = rows_worth_showing(holders.size(), top, [&](auto i) { return holders[i].ns; });
  for (const auto& who : std::span(holders).first(shown))
    threads.add({.cells = {format_duration_ns(who.ns), format_share(who.ns, report.elapsed_ns)},
                 .text = plain_text(fmt::format("{} (tid {})", who.thread, who.tid))});
  put(lines, threads, context);
  put_smaller(lines, holders.size(), shown, "threads");
  put_functions(lines, rows.held, top, context);

  const auto waits = gil_waits_of(rows.waited);
  Table table({{.heading = "WAITED"}, {.heading = "TIMES"}, {.heading = "LONGEST"}}, "WHO, FOR WHOM", kTextColumns);
  const auto waits_shown = rows_worth_showing(waits.size(), top, [&](auto i) { return waits[i].ns; });
  for (const auto& wait : std::span(waits).first(waits_shown))
    table.add({.cells = {format_duration_ns(wait.ns), format_count(wait.count), format_duration_ns(wait.max_ns)},
               .text = plain_text(wait.thread + " for " + wait.what)});
  put(lines, table, context);
  put_smaller(lines, waits.size(), waits_shown, "waits");
}

std::string cost_text(const model::ProfileReport& report) {
  std::string text;
  if (report.cost.cpu_ns) text = "aiotrace used " + format_share(*report.cost.cpu_ns, report.elapsed_ns) + " of a core";
  if (report.cost.bpf_ns)
    text += fmt::format("{}its BPF programs {}", text.empty() ? "" : ", ",
                        format_share(*report.cost.bpf_ns, report.elapsed_ns));
  return text;
}

std::vector<model::ProfileRow> select(const std::vector<model::ProfileRow>& rows, auto wanted) {
  std::vector<model::ProfileRow> some;
  std::ranges::copy_if(rows, std::back_inserter(some), wanted);
  return some;
}

}  // namespace

std::vector<std::string> profile_text(const model::ProfileReport& report, std::size_t top,
                                      const OutputContext& context) {
  Lines lines;
  const auto mode = report.head.mode;
  std::set<std::uint32_t> pids;
  for (const auto& thread : report.threads) pids.insert(thread.pid);
  lines.push_back(fmt::format("Profile ({}) of {} thread{} in {} process{} for {}", model::name(mode),
                              format_count(report.threads.size()), report.threads.size() == 1 ? "" : "s",
                              format_count(pids.size()), pids.size() == 1 ? "" : "es",
                              format_duration_ns(report.elapsed_ns)));
  if (mode != ProfileMode::off_cpu) {
    auto line = fmt::format("{} samples, {:g} a second of CPU time", format_count(report.samples),
                            report.head.frequency_hz);
    if (report.process_cpu_ns)
      line += fmt::format("; the kernel counted {} on a CPU", format_duration_ns(*report.process_cpu_ns));
    lines.push_back(std::move(line));
  }
  const auto busy = select(report.rows, [](const auto& row) { return row.kind != Kind::idle; });
  if (mode == ProfileMode::gil) {
    put_gil(lines, report, top, context);
  } else {
    put_causes(lines, report.rows, context);
    put_functions(lines, busy, top, context);
    if (mode != ProfileMode::cpu)
      put_waits(lines, select(busy, [](const auto& row) { return row.kind != Kind::sample; }), top, context);
  }
  if (report.rows.empty()) lines.emplace_back("nothing was seen");
  if (auto text = cost_text(report); !text.empty()) lines.push_back(std::move(text));
  auto lost = losses_in_words(report.losses);
  if (report.rows_over != 0) lost.push_back(loss_in_words("rows_over", report.rows_over));
  std::ranges::move(loss_lines(lost, context), std::back_inserter(lines));
  return lines;
}

}  // namespace aiotrace::output
