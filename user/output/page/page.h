// Building blocks of the pages of --html: names and frames stored once, flame graphs, rows up to a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/weighted_stacks.h"
#include "output/page/flame_tree.h"

namespace aiotrace::output {

using PageJson = nlohmann::ordered_json;

/// The maximum size of a page, for any target: data that does not fit is left out, the smallest first, and the page
/// says so.
inline constexpr std::size_t kMaxPageBytes = 1'000'000;

enum class PageKind : std::uint8_t { stalls, comparison, awaits, exact_awaits, profile, leaks };

/// The whole page: its markup and script around the data, in which names are strings and never markup.
[[nodiscard]] std::string page_of(PageKind kind, const PageJson& data);

/// Converts nanoseconds to the numbers of a page.
[[nodiscard]] double page_micros(std::uint64_t ns);

/// A name of the traced program in the form for a page: valid UTF-8, at most a few hundred bytes.
[[nodiscard]] std::string page_name(std::string_view text);

/// The bytes that it takes in a page.
[[nodiscard]] std::size_t page_bytes(const PageJson& json);

/// The names of all causes, in their order.
[[nodiscard]] PageJson page_causes();

/// Stores names and frames once each, and counts the bytes that they take in the page.
class PageNames {
 public:
  [[nodiscard]] std::size_t frame(const model::WeightedFrame& frame);
  [[nodiscard]] PageJson stack(const model::Stack& stack);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Adds "strings" and "frames"; the object is empty then.
  void take_into(PageJson& data);

 private:
  [[nodiscard]] std::size_t string(std::string_view text);

  std::size_t bytes_ = 0;
  PageJson strings_ = PageJson::array();
  PageJson frames_ = PageJson::array();
  std::unordered_map<std::string, std::size_t> string_at_;
  std::unordered_map<std::string, std::size_t> frame_at_;
};

/// Rows of a table, up to a number and a size.
class PageRows {
 public:
  PageRows(std::size_t most_rows, std::size_t most_bytes) : most_rows_(most_rows), most_bytes_(most_bytes) {}

  /// `beside` is the size of the names to which it refers. When a row does not fit, it and all later rows are left out.
  void add(PageJson row, std::size_t beside = 0);
  /// No further row fits.
  [[nodiscard]] bool full() const { return left_out_ != 0; }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }
  [[nodiscard]] PageJson take() { return std::move(rows_); }

 private:
  std::size_t most_rows_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::size_t left_out_ = 0;
  PageJson rows_ = PageJson::array();
};

struct PageFlame {
  PageJson json;
  bool cut = false;  ///< the narrowest parts are left out
};

/// Numbers that follow the weight of each node; none by default.
using FlameExtra = std::function<std::vector<PageJson>(const std::vector<FlameNode>& tree)>;

/// The stacks as the drawn tree, with the frames that it needs; at most about 400 KB for both.
[[nodiscard]] PageFlame page_flame(const model::WeightedStacks& stacks, PageNames& names, const FlameExtra& extra = {});

}  // namespace aiotrace::output
