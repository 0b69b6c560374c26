// The name that the user most likely meant by a mistyped word.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aiotrace::app {

/// The number of letters to insert, delete, replace or swap with the next one to change `a` into `b` (optimal string
/// alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest name, if at most a third of the word's letters differ; the first one if several are equally near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

/// "; did you mean 'tasks'?", or nothing if no name is similar.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> names);

}  // namespace aiotrace::app
