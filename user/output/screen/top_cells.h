// The cells of a row of the live view, as text that is short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/top_row.h"
#include "output/screen/grid.h"

namespace aiotrace::output {

/// "870ns", "4.25ms", "12.3s", "2m05s"; "-" for nothing.
[[nodiscard]] std::string short_duration(std::optional<std::uint64_t> ns);
/// At most 5 columns: "0%", "<0.1%", "3.4%", "100%"; "-" for nothing.
[[nodiscard]] std::string short_share(std::optional<double> share);
/// At most 5 columns: "0.5", "12.3", "1234", "12.3k", "1.2M"; "-" for nothing.
[[nodiscard]] std::string short_rate(std::optional<double> per_second);
[[nodiscard]] std::string short_count(std::optional<std::uint64_t> count);

/// The longest iterations of the last intervals, the newest at the right, at most `columns`. Each has one of eight
/// steps, the same in all rows: below 1, 5, 10, 25, 50, 100 and 500 ms, and longer. A blank means no iteration.
void draw_sparkline(Grid& grid, std::size_t row, std::size_t column, std::size_t columns,
                    const std::vector<std::uint64_t>& longest_ns, std::uint64_t warn_ns, std::uint64_t error_ns);

/// Times by group of causes as parts of a bar with this many columns. Each group with time gets a column, if there are
/// enough.
void draw_causes(Grid& grid, std::size_t row, std::size_t column, std::size_t columns,
                 const std::array<std::uint64_t, model::kCauses>& cause_ns);

/// The legend of the bar: "#" and its group in words.
[[nodiscard]] std::string cause_sign(model::CauseGroup group, bool utf8);
[[nodiscard]] std::string_view cause_words(model::CauseGroup group);
inline constexpr std::array kCauseGroups{model::CauseGroup::on_cpu, model::CauseGroup::blocked,
                                         model::CauseGroup::runnable, model::CauseGroup::not_seen};

}  // namespace aiotrace::output
