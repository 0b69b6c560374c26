// Tables of text that fit the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "output/context.h"

namespace aiotrace::output {

struct Column {
  enum class Side { left, right };
  std::string heading;
  Side side = Side::right;
  /// If the table is too wide, such columns are narrowed, the widest first, down to this width; 0: this column is never
  /// narrowed.
  std::size_t least = 0;
  /// Maximum width; 0: as wide as its widest cell.
  std::size_t most = 0;
  /// Text that is too long loses its beginning instead of its end.
  bool keep_end = false;
  /// If the table is still too wide, such columns are left out, the highest number first; 0: never.
  unsigned expendable = 0;
};

/// Two blanks between columns. The last column is text that is cut to the remaining width.
class Table {
 public:
  /// `text_least`: minimum width of the text; columns are left out to reach it.
  Table(std::vector<Column> columns, std::string text_heading, std::size_t text_least)
      : columns_(std::move(columns)), text_heading_(std::move(text_heading)), text_least_(text_least) {}
  /// A table without text at its end.
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  struct Row {
    std::vector<std::string> cells;  ///< clean, one for each column
    /// Clean text of at most this many columns.
    std::function<std::string(std::size_t)> text;
    std::set<std::size_t> marked{};    ///< cells in yellow
    std::vector<std::string> below{};  ///< whole lines after the row
  };
  void add(Row row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// A heading, in bold, and the rows; no lines without rows.
  [[nodiscard]] std::vector<std::string> lines(const OutputContext& context) const;

 private:
  struct Layout {
    std::vector<std::size_t> shown;   // columns
    std::vector<std::size_t> widths;  // of them
    std::size_t text = 0;
  };
  [[nodiscard]] Layout layout(std::size_t columns) const;

  std::vector<Column> columns_;
  std::string text_heading_;
  std::size_t text_least_ = 0;
  std::vector<Row> rows_;
};

/// How many of `count` rows, largest first, are shown: at most `top`, and none below 1 % of the first. 0: all of them.
/// `value(i)` returns the size of a row.
[[nodiscard]] std::size_t rows_worth_showing(std::size_t count, std::size_t top,
                                             const std::function<std::uint64_t(std::size_t)>& value);
/// "… and 31 smaller sites (--top 0 shows all)"; no lines if all are shown.
[[nodiscard]] std::vector<std::string> smaller_rows(std::size_t count, std::size_t shown, std::string_view what);

/// "fetch  app/client.py:12  asyncio.sleep": a name, a place that loses its beginning first, and a rest, which is left
/// out first. All clean.
[[nodiscard]] std::string fitted(const std::string& name, const std::string& place, const std::string& tail,
                                 std::size_t columns);

}  // namespace aiotrace::output
