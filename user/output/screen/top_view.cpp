#include "output/screen/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "output/screen/top_cells.h"
#include "output/text/style.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::TopRow;
using model::TopSort;

enum class Field : std::uint8_t {
  mark,
  service,
  pid,
  loop,
  busy,
  iterations,
  p99,
  longest,
  history,
  stalls,
  stalled,
  causes,
  cause,
  ready,
  tasks,
  leaks,
  hang,
};

struct Column {
  Field field;
  std::string_view heading;
  std::size_t least;
  std::size_t most;
  unsigned rank;  // a narrow screen only shows low ranks; 0: every screen shows it
  bool right;
  std::optional<TopSort> sort = {};
};

// From left to right. Ranks 0 and 1 fit in 80 columns.
constexpr std::array kColumns{
    Column{Field::mark, "", 1, 1, 0, false},
    Column{Field::service, "SERVICE", 10, 40, 0, false, TopSort::service},
    Column{Field::pid, "PID", 7, 7, 0, true, TopSort::pid},
    Column{Field::loop, "LOOP", 10, 24, 4, false},
    Column{Field::busy, "BUSY", 5, 5, 0, true, TopSort::busy},
    Column{Field::iterations, "ITER/S", 6, 6, 1, true, TopSort::iterations},
    Column{Field::p99, "P99", 6, 6, 1, true, TopSort::p99},
    Column{Field::longest, "LONGEST", 7, 7, 0, true, TopSort::longest},
    Column{Field::history, "HISTORY", 8, 60, 1, false},
    Column{Field::stalls, "STALLS", 6, 6, 1, true, TopSort::stalls},
    Column{Field::stalled, "STALLED", 7, 7, 0, true, TopSort::stalled},
    Column{Field::causes, "CAUSES", 6, 20, 1, false},
    Column{Field::cause, "LARGEST", 9, 9, 2, false},
    Column{Field::hang, "HANG", 14, 14, 3, false},
    Column{Field::leaks, "LEAKS", 5, 5, 5, true},
    Column{Field::tasks, "TASKS", 6, 6, 6, true},
    Column{Field::ready, "READY", 5, 5, 7, true},
};

struct Placed {
  const Column* column;
  std::size_t at;
  std::size_t width;
};

// Selects the columns that fit, by rank; then distributes the rest evenly among the columns that can use it.
std::vector<Placed> place_columns(std::size_t columns) {
  constexpr unsigned kRanks = 8;
  std::array<bool, kColumns.size()> shown{};
  std::size_t used = 0;
  for (unsigned rank = 0; rank < kRanks; ++rank) {
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const auto needs = kColumns.at(i).least + (i == 0 ? 0 : 1);
      if (kColumns.at(i).rank != rank || (rank != 0 && used + needs > columns)) continue;
      shown.at(i) = true;
      used += needs;
    }
  }
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    if (shown.at(i)) placed.push_back({&kColumns.at(i), 0, kColumns.at(i).least});
  }
  for (bool more = true; more && used < columns;) {
    more = false;
    for (auto& each : placed) {
      if (used >= columns || each.width >= each.column->most) continue;
      ++each.width;
      ++used;
      more = true;
    }
  }
  std::size_t at = 0;
  for (auto& each : placed) {
    each.at = at;
    at += each.width + 1;
  }
  return placed;
}

struct Text {
  std::string text;
  Ink ink = Ink::plain;
};

bool hangs_for_good(const TopRow& row) { return row.looks.verdict && model::is_final(*row.looks.verdict); }

Text mark_of(const TopRow& row) {
  if (hangs_for_good(row)) return {"!", Ink::error};
  if (row.ongoing_ns != 0) return {">", Ink::error};
  if (row.looks.leaks.value_or(0) != 0) return {"L", Ink::warning};
  return {row.ended ? "x" : " ", Ink::dim};
}

Text pid_of(const TopRow& row) {
  if (row.pid != 0) return {fmt::format("{}", row.pid), Ink::plain};
  return {fmt::format("({})", row.processes), Ink::dim};
}

Text loop_of(const TopRow& row) {
  return row.loops > 1 ? Text{plural(row.loops, "loop"), Ink::dim} : Text{row.thread, Ink::plain};
}

Text hang_of(const TopRow& row) {
  if (row.looks.verdict)
    return {std::string(model::name(*row.looks.verdict)), hangs_for_good(row) ? Ink::error : Ink::warning};
  // Tasks are only known after a look.
  return {row.looks.tasks ? "none" : "-", Ink::dim};
}

Text cell_of(const TopRow& row, Field field) {
  const auto stalled = row.stalls != 0 ? Ink::warning : Ink::dim;
  switch (field) {
    case Field::mark: return mark_of(row);
    case Field::service: return {row.service, row.ended ? Ink::dim : Ink::plain};
    case Field::pid: return pid_of(row);
    case Field::loop: return loop_of(row);
    case Field::busy: return {short_share(row.busy)};
    case Field::iterations: return {short_rate(row.iterations_per_s)};
    case Field::p99: return {short_duration(row.p99_ns)};
    case Field::longest: return {short_duration(row.longest_ns), row.ongoing_ns != 0 ? Ink::error : Ink::plain};
    case Field::stalls: return {short_count(row.stalls), stalled};
    case Field::stalled: return {row.stalls != 0 ? short_duration(row.stalled_ns()) : "-", stalled};
    case Field::cause: {
      const auto cause = model::largest_cause(row.cause_ns);
      return {cause ? std::string(model::name(*cause)) : std::string()};
    }
    case Field::ready: return {short_count(row.ready)};
    case Field::tasks: return {short_count(row.looks.tasks)};
    case Field::leaks:
      return {short_count(row.looks.leaks), row.looks.leaks.value_or(0) != 0 ? Ink::warning : Ink::dim};
    case Field::hang: return hang_of(row);
    case Field::history:
    case Field::causes: break;  // drawn
  }
  return {};
}

void draw_row(Grid& grid, std::size_t line, const TopRow& row, const std::vector<Placed>& columns,
              const TopView& view) {
  for (const auto& [column, at, width] : columns) {
    if (column->field == Field::history) {
      draw_sparkline(grid, line, at, width, row.longest_each_ns, view.warn_ns, view.error_ns);
    } else if (column->field == Field::causes) {
      draw_causes(grid, line, at, width, row.cause_ns);
    } else {
      const auto cell = cell_of(row, column->field);
      if (column->right)
        grid.put_right(line, at + width, cell.text, cell.ink, width);
      else
        grid.put(line, at, cell.text, cell.ink, width);
    }
  }
}

void draw_headings(Grid& grid, std::size_t line, const std::vector<Placed>& columns, const TopView& view) {
  for (const auto& [column, at, width] : columns) {
    const bool sorted = column->sort == view.sort;
    const auto ink = sorted ? Ink::sorted : Ink::heading;
    const std::string_view sign = view.reverse ? "▲" : "▼";
    const auto used = column->heading.size();
    if (column->right) {
      grid.put_right(line, at + width, column->heading, ink, width);
      if (sorted) grid.put(line, at + width - used - 1, sign, ink, 1);  // the gap between columns has room for it
    } else {
      grid.put(line, at, column->heading, ink, width);
      if (sorted) grid.put(line, at + used, sign, ink, 1);
    }
  }
}

void draw_title(Grid& grid, const TopView& view) {
  auto at = grid.put(0, 0, "aiotrace top", Ink::strong);
  auto text = fmt::format("  {}: {}, {}", view.targets, plural(view.loops, "loop"),
                          view.processes == 1 ? "1 process" : fmt::format("{} processes", view.processes));
  if (!view.filter.empty()) text += fmt::format("; {} with \"{}\"", view.rows.size(), view.filter);
  const auto room = grid.columns() > at + view.time.size() + 1 ? grid.columns() - at - view.time.size() - 1 : 0;
  grid.put(0, at, text, Ink::plain, room);
  grid.put_right(0, grid.columns(), view.time, Ink::dim, view.time.size());
}

void draw_totals(Grid& grid, const TopView& view) {
  std::uint64_t stalls = 0;
  std::uint64_t stalled_ns = 0;
  for (const auto& row : view.rows) {
    stalls += row.stalls;
    stalled_ns += row.stalled_ns();
  }
  const auto seconds = (view.remembered_ns + 500'000'000) / 1'000'000'000;
  auto at = grid.put(1, 0,
                     fmt::format("{} ≥ {} in {} s: {}  ", plural(stalls, "stall"), short_duration(view.warn_ns),
                                 std::max<std::uint64_t>(seconds, 1), short_duration(stalled_ns)));
  for (const auto group : kCauseGroups) {
    at += grid.put(1, at, cause_sign(group, grid.utf8()), ink_of(group));
    at += grid.put(1, at, fmt::format(" {} ", cause_words(group)), Ink::dim);
  }
}

constexpr std::string_view kKeys = "Enter details  g group  / filter  <> o sort  p profile  r record  ? help  q quit";

void draw_footer(Grid& grid, const TopView& view) {
  const auto last = grid.rows() - 1;
  if (view.typing)
    grid.put(last - 1, 0, "filter: " + view.filter + "_", Ink::strong);
  else
    grid.put(last - 1, 0, view.message, Ink::warning);
  grid.put(last, 0, view.typing ? "Enter keeps it  Esc drops it" : kKeys, Ink::dim);
}

}  // namespace

std::size_t rows_that_fit(std::size_t lines) {
  constexpr auto kOther = kTopHeaderLines + kTopFooterLines;
  return lines > kOther ? lines - kOther : 1;
}

void draw_top(Grid& grid, const TopView& view) {
  const auto columns = place_columns(grid.columns());
  draw_title(grid, view);
  draw_totals(grid, view);
  draw_headings(grid, 2, columns, view);
  const auto shown = view.interactive ? rows_that_fit(grid.rows()) : view.rows.size();
  for (std::size_t i = 0; i < shown && view.first + i < view.rows.size(); ++i) {
    draw_row(grid, kTopHeaderLines + i, view.rows[view.first + i], columns, view);
    if (view.interactive && view.first + i == view.cursor) grid.mark_row(kTopHeaderLines + i, Ink::selected);
  }
  if (view.rows.empty())
    grid.put(kTopHeaderLines, 0, view.filter.empty() ? "no event loop was seen yet" : "no loop has that in its names",
             Ink::dim);
  if (view.interactive && grid.rows() > kTopHeaderLines + kTopFooterLines) draw_footer(grid, view);
}

model::TopSort sort_column(model::TopSort now, int steps) {
  std::vector<TopSort> order;
  for (const auto& column : kColumns) {
    if (column.sort) order.push_back(*column.sort);
  }
  const auto at = std::ranges::find(order, now) - order.begin();
  const auto count = static_cast<std::ptrdiff_t>(order.size());
  return order[static_cast<std::size_t>(((at + steps) % count + count) % count)];
}

}  // namespace aiotrace::output
