// A screen of lines that can be longer than the terminal: details, a profile, help.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "output/screen/grid.h"

namespace aiotrace::output {

struct PageLine {
  std::string text;
  Ink ink = Ink::plain;
};

struct Page {
  std::string title;
  std::vector<PageLine> lines;
  std::size_t first = 0;  ///< the line at the top
  std::string message;    ///< the latest of aiotrace's own; empty: none
};

/// The number of lines of a page that fit on a screen with this many lines.
[[nodiscard]] std::size_t page_lines_that_fit(std::size_t rows);
/// The largest value of `first` that makes sense.
[[nodiscard]] std::size_t last_first(const Page& page, std::size_t rows);

void draw_page(Grid& grid, const Page& page);

/// Explains the keys, and the signs in the view of all loops.
[[nodiscard]] std::vector<PageLine> top_help(bool utf8);

}  // namespace aiotrace::output
