#include "output/text/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "output/text/style.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

constexpr std::size_t kGap = 2;

std::string cell_text(const std::string& text, const Column& column, std::size_t width) {
  const auto cut = column.keep_end ? shorten_left(text, width) : shorten_right(text, width);
  return column.side == Column::Side::left ? pad_right(cut, width) : pad_left(cut, width);
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

Table::Layout Table::layout(std::size_t columns) const {
  Layout layout;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto width = display_width(columns_[i].heading);
    for (const auto& row : rows_) width = std::max(width, display_width(row.cells[i]));
    layout.shown.push_back(i);
    layout.widths.push_back(columns_[i].most == 0 ? width : std::min(width, columns_[i].most));
  }
  const auto used = [&] {
    const auto gaps = layout.widths.size() - (text_heading_.empty() && !layout.widths.empty() ? 1 : 0);
    return std::accumulate(layout.widths.begin(), layout.widths.end(), kGap * gaps);
  };
  while (used() + text_least_ > columns) {
    auto widest = layout.shown.size();
    for (std::size_t i = 0; i < layout.shown.size(); ++i) {
      const auto least = columns_[layout.shown[i]].least;
      const bool gives = least != 0 && layout.widths[i] > least;
      if (gives && (widest == layout.shown.size() || layout.widths[i] > layout.widths[widest])) widest = i;
    }
    if (widest != layout.shown.size()) {
      --layout.widths[widest];
      continue;
    }
    const auto last = std::ranges::max_element(layout.shown, {}, [this](auto i) { return columns_[i].expendable; });
    if (last == layout.shown.end() || columns_[*last].expendable == 0) break;
    layout.widths.erase(layout.widths.begin() + (last - layout.shown.begin()));
    layout.shown.erase(last);
  }
  layout.text = std::max(text_least_, columns - std::min(columns, used()));
  return layout;
}

std::vector<std::string> Table::lines(const OutputContext& context) const {
  if (rows_.empty()) return {};
  const auto layout = this->layout(context.columns);
  const std::string gap(kGap, ' ');
  std::string heading;
  for (std::size_t i = 0; i < layout.shown.size(); ++i) {
    const auto& column = columns_[layout.shown[i]];
    heading += cell_text(column.heading, column, layout.widths[i]) + gap;
  }
  std::vector<std::string> lines{paint(trimmed(heading + text_heading_), Color::bold, context)};
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < layout.shown.size(); ++i) {
      const auto at = layout.shown[i];
      const auto cell = cell_text(row.cells[at], columns_[at], layout.widths[i]);
      line += (row.marked.contains(at) ? paint(cell, Color::yellow, context) : cell) + gap;
    }
    if (row.text) line += row.text(layout.text);
    lines.push_back(trimmed(std::move(line)));
    lines.insert(lines.end(), row.below.begin(), row.below.end());
  }
  return lines;
}

std::size_t rows_worth_showing(std::size_t count, std::size_t top,
                               const std::function<std::uint64_t(std::size_t)>& value) {
  constexpr std::uint64_t kLeastPart = 100;
  if (top == 0 || count == 0) return count;
  const auto least = value(0) / kLeastPart;
  std::size_t shown = 1;
  while (shown < std::min(count, top) && value(shown) >= least) ++shown;
  return shown;
}

std::vector<std::string> smaller_rows(std::size_t count, std::size_t shown, std::string_view what) {
  if (shown >= count) return {};
  return {fmt::format("… and {} smaller {} (--top 0 shows all)", format_count(count - shown), what)};
}

std::string fitted(const std::string& name, const std::string& place, const std::string& tail, std::size_t columns) {
  constexpr std::size_t kLeastPlace = 18;
  const auto joined = [](std::string text, const std::string& more) {
    if (!text.empty() && !more.empty()) text += std::string(kGap, ' ');
    return text + more;
  };
  const auto both = joined(name, place);
  if (const auto all = joined(both, tail); display_width(all) <= columns) return all;
  if (display_width(both) + kGap + kLeastPlace <= columns)
    return joined(both, shorten_right(tail, columns - display_width(both) - kGap));
  if (place.empty()) return shorten_right(name, columns);
  const auto least = std::min(kLeastPlace, display_width(place));
  const auto for_name = std::max(columns / 3, columns - std::min(columns, least + kGap));
  const auto shown = shorten_left(name, for_name);
  const auto left = columns - std::min(columns, display_width(shown) + (shown.empty() ? 0 : kGap));
  return left < kLeastPlace / 2 ? shown : joined(shown, shorten_left(place, left));
}

}  // namespace aiotrace::output
