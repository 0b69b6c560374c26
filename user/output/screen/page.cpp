#include "output/screen/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "output/screen/top_cells.h"

namespace aiotrace::output {
namespace {

// Lines that are not content: the title, a line for messages, and one for keys.
constexpr std::size_t kOtherLines = 3;

}  // namespace

std::size_t page_lines_that_fit(std::size_t rows) { return rows > kOtherLines ? rows - kOtherLines : 1; }

std::size_t last_first(const Page& page, std::size_t rows) {
  const auto fit = page_lines_that_fit(rows);
  return page.lines.size() > fit ? page.lines.size() - fit : 0;
}

void draw_page(Grid& grid, const Page& page) {
  grid.put(0, 0, page.title, Ink::strong);
  const auto fit = page_lines_that_fit(grid.rows());
  const auto first = std::min(page.first, last_first(page, grid.rows()));
  for (std::size_t i = 0; i < fit && first + i < page.lines.size(); ++i)
    grid.put(1 + i, 0, page.lines[first + i].text, page.lines[first + i].ink);
  if (grid.rows() <= kOtherLines) return;
  const auto last = grid.rows() - 1;
  grid.put(last - 1, 0, page.message, Ink::warning);
  std::string keys = "Esc back  p profile  q quit";
  if (page.lines.size() > fit)
    keys += fmt::format("   lines {} to {} of {}: arrows, Page Up, Page Down", first + 1,
                        std::min(first + fit, page.lines.size()), page.lines.size());
  grid.put(last, 0, keys, Ink::dim);
}

std::vector<PageLine> top_help(bool utf8) {
  std::vector<PageLine> lines;
  const auto add = [&](std::string text, Ink ink = Ink::plain) { lines.push_back({std::move(text), ink}); };
  add("Keys", Ink::strong);
  add("  arrows, j k, Page Up, Page Down, Home, End   move the cursor");
  add("  Enter    details of the loop: stalls, places, tasks; of a service its loops");
  add("  g        a row for each service, workers merged; again: for each loop");
  add("  /        only rows with a text in their names; Esc drops it");
  add("  < > o    sort by the column at the left, at the right; reverse the order");
  add("  p        profile the process for 10 s");
  add("  r        begin a recording in the working directory; again: end it");
  add("  Esc q    back; end");
  add("");
  add("Columns", Ink::strong);
  add("  BUSY     share of the last interval inside iterations of the loop");
  add("  ITER/S   iterations in a second");
  add("  P99      of the iterations of the last 10 intervals");
  add("  LONGEST  likewise, with the one that goes on");
  add("  HISTORY  longest iteration of each interval, the newest at the right:");
  add(utf8 ? "           up to ▁ 1, ▂ 5, ▃ 10, ▄ 25, ▅ 50, ▆ 100, ▇ 500 ms, █ longer"
           : "           up to _ 1, . 5, - 10, = 25, + 50, * 100, % 500 ms, # longer");
  add("  STALLS   of the last 60 intervals; STALLED: how long they are together");
  std::string causes = "  CAUSES   of that time:";
  for (const auto group : kCauseGroups) causes += fmt::format(" {} {}", cause_sign(group, utf8), cause_words(group));
  add(causes);
  add("  LARGEST  the cause with most of it");
  add("  HANG     worst verdict of the last look for hangs;  LEAKS  of the last scan");
  add("  TASKS    that have not finished;  READY  callbacks that are ready to run");
  add("  -        not known: hangs and leaks are looked for with -p only");
  add("  A service has sums, and of BUSY, P99, LONGEST the worst of its loops");
  add("");
  add("Marks", Ink::strong);
  add("  ! hangs for good   > a stall goes on   L leaks   x its thread has ended");
  return lines;
}

}  // namespace aiotrace::output
