// The name that a mistyped word most likely stands for.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aiotrace::app {

/// Letters to insert, delete, replace or swap with the next one until `a` is `b` (optimal string alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest name, if it differs from the word in a third of its letters at most; the first one of equals.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

/// "; did you mean 'tasks'?", or nothing if no name is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> names);

}  // namespace aiotrace::app
