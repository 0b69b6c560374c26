// A screen of characters, independent of any terminal: a view draws it, and a terminal shows it or a script reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/cause.h"

namespace aiotrace::output {

/// The meaning of a cell; the terminal decides how it looks.
enum class Ink : std::uint8_t {
  plain,
  dim,
  strong,
  heading,
  sorted,    ///< the heading of the column by which rows are sorted
  selected,  ///< the row of the cursor
  warning,
  error,
  on_cpu,  ///< these four: groups of causes
  blocked,
  runnable,
  not_seen,
};
[[nodiscard]] Ink ink_of(model::CauseGroup group);

/// What the terminal can show.
struct Look {
  bool utf8 = true;  ///< otherwise only ASCII is drawn
  std::size_t columns = 80;
  std::size_t rows = 24;
};

class Grid {
 public:
  /// Limits that no terminal exceeds; of a larger one only a part is used.
  static constexpr std::size_t kMaxColumns = 1000;
  static constexpr std::size_t kMaxRows = 1000;

  explicit Grid(const Look& look);

  struct Cell {
    std::string text = " ";  ///< one character, with its combining characters; empty: the second half of a wide one
    Ink ink = Ink::plain;
    bool operator==(const Cell&) const = default;
  };

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] bool utf8() const { return utf8_; }
  [[nodiscard]] const Cell& at(std::size_t row, std::size_t column) const { return cells_[row * columns_ + column]; }

  /// Draws any text, cleaned; text that does not fit in `most` columns, or on the screen, is cut, with a mark at the
  /// end. Returns the number of used columns.
  std::size_t put(std::size_t row, std::size_t column, std::string_view text, Ink ink = Ink::plain,
                  std::size_t most = kMaxColumns);
  /// The same, right-aligned to `end`; text that is too long loses its end.
  void put_right(std::size_t row, std::size_t end, std::string_view text, Ink ink, std::size_t most);
  /// Sets this ink for the plain or dim cells of a row.
  void mark_row(std::size_t row, Ink ink);

  /// A line for each row from `first` on, without trailing blanks. Empty rows at the end are left out.
  [[nodiscard]] std::string text(std::size_t first = 0) const;

 private:
  std::size_t columns_;
  std::size_t rows_;
  bool utf8_;
  std::vector<Cell> cells_;
};

/// The text with all non-ASCII characters replaced: known signs by similar ASCII, the others by "?".
[[nodiscard]] std::string to_ascii(std::string_view utf8);

}  // namespace aiotrace::output
