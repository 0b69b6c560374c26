#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "model/cause.h"
#include "output/profile.h"
#include "output/profile_waits.h"
#include "output/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using Kind = model::ProfileRow::Kind;
using model::ProfileMode;
using Lines = std::vector<std::string>;

// Columns of numbers, right-aligned under their headings, then text to the end of the line.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void put(Lines& lines, const OutputContext& context) const {
    constexpr std::size_t kLeastRoom = 40;
    std::vector<std::size_t> widths(rows_.front().size() - 1);
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < widths.size(); i++) widths[i] = std::max(widths[i], display_width(row[i]));
    }
    std::size_t used = 2 * widths.size();
    for (const auto width : widths) used += width;
    const auto room = std::max(kLeastRoom, context.columns > used ? context.columns - used : 0);
    bool heading = true;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < widths.size(); i++) line += pad_left(row[i], widths[i]) + "  ";
      line += shorten_right(row.back(), room);
      lines.push_back(std::exchange(heading, false) ? paint(line, Color::bold, context) : line);
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string frame_text(const model::Frame& frame) {
  const auto function = clean_for_terminal(frame.function.empty() ? "?" : frame.function);
  const auto place = place_text(frame.file, frame.line);
  return place.empty() || place == function ? function : function + "  " + place;
}

std::size_t shown(std::size_t count, std::size_t top) { return top == 0 ? count : std::min(count, top); }

void put_functions(Lines& lines, const std::vector<model::ProfileRow>& rows, std::size_t top,
                   const OutputContext& context) {
  const auto functions = model::functions_of(rows);
  if (functions.empty()) return;
  std::uint64_t all_ns = 0;
  for (const auto& row : rows) all_ns += row.ns;
  Table table({"SELF", "SHARE", "TOTAL", "SHARE", "±", "FUNCTION"});
  for (const auto& function : std::span(functions).first(shown(functions.size(), top))) {
    table.add({format_duration_ns(function.self_ns), format_share(function.self_ns, all_ns),
               format_duration_ns(function.total_ns), format_share(function.total_ns, all_ns),
               function.error_ns == 0 ? "-" : format_share(function.error_ns, all_ns), frame_text(function.frame)});
  }
  table.put(lines, context);
  if (shown(functions.size(), top) < functions.size())
    lines.push_back(fmt::format("… {} more functions (--top 0 shows all)",
                                format_count(functions.size() - shown(functions.size(), top))));
}

// Where the waits are: by innermost frame, cause and what was waited for.
void put_waits(Lines& lines, const std::vector<model::ProfileRow>& rows, std::size_t top,
               const OutputContext& context) {
  const auto waits = waits_of(rows);
  if (waits.empty()) return;
  std::uint64_t all_ns = 0;
  for (const auto& row : rows) all_ns += row.ns;
  Table table({"OFF CPU", "SHARE", "TIMES", "LONGEST", "WAIT"});
  for (const auto& wait : std::span(waits).first(shown(waits.size(), top))) {
    auto text = std::string(model::name(wait.cause));
    if (!wait.what.empty()) text += " " + wait.what;
    text += "  in " + (wait.frame ? frame_text(*wait.frame) : "thread " + clean_for_terminal(wait.thread));
    table.add({format_duration_ns(wait.ns), format_share(wait.ns, all_ns), format_count(wait.count),
               format_duration_ns(wait.max_ns), std::move(text)});
  }
  table.put(lines, context);
  if (shown(waits.size(), top) < waits.size())
    lines.push_back(
        fmt::format("… {} more (--top 0 shows all)", format_count(waits.size() - shown(waits.size(), top))));
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

// Who holds the GIL: shares of the time that was watched.
void put_gil(Lines& lines, const ProfileReport& report, std::size_t top, const OutputContext& context) {
  const auto rows = gil_rows(report.rows);
  lines.push_back(fmt::format("The GIL was held for {} ({} of the time); threads waited {} for it",
                              format_duration_ns(rows.held_ns), format_share(rows.held_ns, report.elapsed_ns),
                              format_duration_ns(rows.waited_ns)));
  const auto holders = gil_holders_of(rows.held);
  Table threads({"HELD", "OF TIME", "THREAD"});
  for (const auto& who : std::span(holders).first(shown(holders.size(), top)))
    threads.add({format_duration_ns(who.ns), format_share(who.ns, report.elapsed_ns),
                 clean_for_terminal(fmt::format("{} (tid {})", who.thread, who.tid))});
  if (!holders.empty()) threads.put(lines, context);
  put_functions(lines, rows.held, top, context);

  const auto waits = gil_waits_of(rows.waited);
  Table table({"WAITED", "TIMES", "LONGEST", "WHO, FOR WHOM"});
  for (const auto& wait : std::span(waits).first(shown(waits.size(), top)))
    table.add({format_duration_ns(wait.ns), format_count(wait.count), format_duration_ns(wait.max_ns),
               clean_for_terminal(wait.thread + " for " + wait.what)});
  if (!waits.empty()) table.put(lines, context);
}

std::string cost_text(const ProfileReport& report) {
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

std::vector<std::string> profile_text(const ProfileReport& report, std::size_t top, const OutputContext& context) {
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
  Lines lost;
  for (std::size_t i = 0; i < report.losses.size(); i++) {
    if (report.losses[i] != 0)
      lost.push_back(fmt::format("{} {}", model::name(static_cast<model::Loss>(i)), format_count(report.losses[i])));
  }
  if (report.rows_over != 0) lost.push_back("rows without a place of their own " + format_count(report.rows_over));
  lines.push_back("losses: " + (lost.empty() ? "none" : fmt::format("{}", fmt::join(lost, ", "))));
  return lines;
}

}  // namespace aiotrace::output
