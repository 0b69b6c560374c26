// The screen of all loops: a row for each, drawn into a grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/top_row.h"
#include "output/screen/grid.h"

namespace aiotrace::output {

struct TopView {
  std::vector<model::TopRow> rows;  ///< rows as shown: filtered, merged, sorted
  std::size_t loops = 0;            ///< number of all rows
  std::size_t processes = 0;
  std::size_t cursor = 0;  ///< index of the selected row
  std::size_t first = 0;   ///< index of the row at the top
  model::TopSort sort = model::TopSort::stalled;
  bool reverse = false;
  std::string targets;  ///< what the run watches: "every loop of the machine"
  std::string filter;
  bool typing = false;              ///< the filter is being typed
  std::string time;                 ///< of day
  std::uint64_t remembered_ns = 0;  ///< time span of the stalls
  std::uint64_t warn_ns = 0;
  std::uint64_t error_ns = 0;
  std::string message;      ///< latest message of aiotrace; empty: none
  bool interactive = true;  ///< draw a cursor, and a line of keys
};

/// Number of lines of the screen that are no rows.
inline constexpr std::size_t kTopHeaderLines = 3;
inline constexpr std::size_t kTopFooterLines = 2;

/// Number of rows that fit on a screen with this many lines; at least one.
[[nodiscard]] std::size_t rows_that_fit(std::size_t lines);

void draw_top(Grid& grid, const TopView& view);

/// The order of the columns by which rows can be sorted, on the screen from left to right.
[[nodiscard]] model::TopSort sort_column(model::TopSort now, int steps);

}  // namespace aiotrace::output
