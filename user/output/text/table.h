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
  /// Too wide a table takes width from such columns, the widest first, down to this; 0: never from this one.
  std::size_t least = 0;
  /// Never wider than this; 0: as wide as its widest cell.
  std::size_t most = 0;
  /// What is too long loses its beginning instead of its end.
  bool keep_end = false;
  /// A table that is still too wide goes without such columns, the highest number first; 0: always there.
  unsigned expendable = 0;
};

/// Two blanks between columns. The last one is text that is made to fit what the others leave.
class Table {
 public:
  /// `text_least`: width that the text is to have before a column is left out for it.
  Table(std::vector<Column> columns, std::string text_heading, std::size_t text_least)
      : columns_(std::move(columns)), text_heading_(std::move(text_heading)), text_least_(text_least) {}
  /// Without text at its end.
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  struct Row {
    std::vector<std::string> cells;  ///< clean, one for each column
    /// Clean text of at most so many columns.
    std::function<std::string(std::size_t)> text;
    std::set<std::size_t> marked{};    ///< cells in yellow
    std::vector<std::string> below{};  ///< whole lines behind it
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

/// How many of `count` rows, largest first, are worth a line: `top` at most, and none below a hundredth of the first.
/// 0: all of them. `value(i)` gives the size of a row.
[[nodiscard]] std::size_t rows_worth_showing(std::size_t count, std::size_t top,
                                             const std::function<std::uint64_t(std::size_t)>& value);
/// "… and 31 smaller sites (--top 0 shows all)"; no lines where all are shown.
[[nodiscard]] std::vector<std::string> smaller_rows(std::size_t count, std::size_t shown, std::string_view what);

/// "fetch  app/client.py:12  asyncio.sleep": a name, a place that loses its beginning first, and what follows, which is
/// left out first. All clean.
[[nodiscard]] std::string fitted(const std::string& name, const std::string& place, const std::string& tail,
                                 std::size_t columns);

}  // namespace aiotrace::output
