#include "output/screen/grid.h"

#include <algorithm>
#include <array>
#include <utility>

#include "util/text.h"

namespace aiotrace::output {
namespace {

// A program can combine any number of characters with one character.
constexpr std::size_t kMostBytesOfCell = 16;

// Characters that aiotrace itself writes.
constexpr std::array<std::pair<char32_t, std::string_view>, 9> kAscii{{{U'…', "~"},
                                                                       {U'→', ">"},
                                                                       {U'≥', ">="},
                                                                       {U'×', "x"},
                                                                       {U'·', "."},
                                                                       {U'µ', "u"},
                                                                       {U'–', "-"},
                                                                       {U'▼', "v"},
                                                                       {U'▲', "^"}}};

}  // namespace

Ink ink_of(model::CauseGroup group) {
  switch (group) {
    case model::CauseGroup::on_cpu: return Ink::on_cpu;
    case model::CauseGroup::blocked: return Ink::blocked;
    case model::CauseGroup::runnable: return Ink::runnable;
    case model::CauseGroup::not_seen: break;
  }
  return Ink::not_seen;
}

std::string to_ascii(std::string_view utf8) {
  std::string text;
  while (!utf8.empty()) {
    const auto code_point = next_code_point(utf8);
    if (code_point < 0x80) {
      text += static_cast<char>(code_point);
      continue;
    }
    const auto* known = std::ranges::find(kAscii, code_point, &std::pair<char32_t, std::string_view>::first);
    text += known != kAscii.end() ? known->second : "?";
  }
  return text;
}

Grid::Grid(const Look& look)
    : columns_(std::clamp<std::size_t>(look.columns, 1, kMaxColumns)),
      rows_(std::clamp<std::size_t>(look.rows, 1, kMaxRows)),
      utf8_(look.utf8),
      cells_(columns_ * rows_) {}

std::size_t Grid::put(std::size_t row, std::size_t column, std::string_view text, Ink ink, std::size_t most) {
  if (row >= rows_ || column >= columns_) return 0;
  most = std::min(most, columns_ - column);
  // A name can have any length: only the part that can be shown is read.
  constexpr std::size_t kMostBytes = 4 * kMaxColumns;
  auto clean = clean_for_terminal(text.substr(0, kMostBytes));
  if (!utf8_) clean = to_ascii(clean);
  if (display_width(clean) > most) {
    clean = shorten_right(clean, most);
    if (!utf8_) clean = to_ascii(clean);
  }
  std::size_t used = 0;
  for (std::string_view rest = clean; !rest.empty();) {
    const auto before = rest;
    (void)next_code_point(rest);
    const auto character = before.substr(0, before.size() - rest.size());
    const auto width = display_width(character);
    if (used + width > most) break;
    auto& cell = cells_[row * columns_ + column + (width == 0 && used != 0 ? used - 1 : used)];
    if (width == 0 && used != 0) {
      if (cell.text.size() < kMostBytesOfCell) cell.text += character;
      continue;
    }
    cell = {.text = std::string(character), .ink = ink};
    for (std::size_t i = 1; i < width; ++i) cells_[row * columns_ + column + used + i] = {.text = "", .ink = ink};
    used += width;
  }
  return used;
}

void Grid::put_right(std::size_t row, std::size_t end, std::string_view text, Ink ink, std::size_t most) {
  const auto width = std::min(display_width(utf8_ ? std::string(text) : to_ascii(text)), most);
  if (end >= width) put(row, end - width, text, ink, width);
}

void Grid::mark_row(std::size_t row, Ink ink) {
  if (row >= rows_) return;
  for (std::size_t i = 0; i < columns_; ++i) {
    auto& cell = cells_[row * columns_ + i];
    if (cell.ink == Ink::plain || cell.ink == Ink::dim || cell.ink == Ink::strong) cell.ink = ink;
  }
}

std::string Grid::text(std::size_t first) const {
  std::string all;
  std::size_t end = 0;
  for (std::size_t row = first; row < rows_; ++row) {
    std::string line;
    for (std::size_t i = 0; i < columns_; ++i) line += at(row, i).text;
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + "\n";
    if (!line.empty()) end = all.size();
  }
  all.resize(end);
  return all;
}

}  // namespace aiotrace::output
