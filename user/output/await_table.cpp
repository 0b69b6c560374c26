#include "output/await_table.h"

#include <algorithm>

#include "output/style.h"
#include "util/text.h"

namespace aiotrace::output {

std::string site_text(const model::AwaitSite& site) {
  auto text = clean_for_terminal(site.place.function.empty() ? "?" : site.place.function);
  const auto place = place_text(site.place.file, site.place.line);
  if (!place.empty()) text += "  " + place;
  text += "  " + clean_for_terminal(site.awaits);
  if (!site.coroutine.empty() && site.coroutine != site.place.function)
    text += "  (in " + clean_for_terminal(site.coroutine) + ")";
  return text;
}

std::vector<std::string> table_lines(const NumberTable& table, const OutputContext& context) {
  if (table.rows.empty()) return {};
  const std::size_t numbers = table.headings.size() - 1;
  std::vector<std::size_t> widths;
  std::size_t used = 2 * numbers;
  for (std::size_t i = 0; i < numbers; i++) {
    std::size_t width = display_width(table.headings[i]);
    for (const auto& row : table.rows) width = std::max(width, display_width(row.cells[i]));
    widths.push_back(width);
    used += width;
  }
  constexpr std::size_t kLeastRoom = 40;
  const auto room = std::max(kLeastRoom, context.columns > used ? context.columns - used : 0);

  std::string heading;
  for (std::size_t i = 0; i < numbers; i++) heading += pad_left(table.headings[i], widths[i]) + "  ";
  std::vector<std::string> lines{paint(heading + table.headings.back(), Color::bold, context)};
  for (const auto& row : table.rows) {
    std::string line;
    for (std::size_t i = 0; i < numbers; i++) {
      const auto cell = pad_left(row.cells[i], widths[i]);
      line += (row.marked.contains(i) ? paint(cell, Color::yellow, context) : cell) + "  ";
    }
    lines.push_back(line + shorten_right(row.text, room));
  }
  return lines;
}

}  // namespace aiotrace::output
