// Colours of the text format, and text that fits into a width.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

enum class Color { bold, dim, red, yellow, cyan };

/// The text between escape sequences if colour is wanted, else unchanged. It must be cut and padded before.
[[nodiscard]] std::string paint(std::string_view text, Color color, const OutputContext& context);

/// Joins the pieces with `gap` blanks, and starts a new line (indented) if the next piece would exceed the context's
/// columns.
[[nodiscard]] std::vector<std::string> flow(const std::vector<std::string>& pieces, std::size_t indent, std::size_t gap,
                                            const OutputContext& context);

/// Wraps a clean text at blanks into lines of at most the context's columns: the first line after `lead`, the others
/// indented to the same column. A word longer than a line is cut.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::string_view lead,
                                               const OutputContext& context);

/// "1 task", "1,234 tasks".
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view one);

/// "app/handlers.py:42", cleaned; empty if the file is unknown.
[[nodiscard]] std::string place_text(std::string_view file, std::uint32_t line);

/// System call and culprit of a segment in words, cleaned: "recvfrom → tcp 10.0.0.5:443"; empty if neither is known.
[[nodiscard]] std::string describe(const model::Segment& segment);

}  // namespace aiotrace::output
