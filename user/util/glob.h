// Patterns of names: * is any text, ? any character.
#pragma once

#include <string_view>

namespace aiotrace {

/// Whether the pattern matches the whole text. It only backtracks to the last *, so the time is at most the product of
/// both lengths.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace aiotrace
