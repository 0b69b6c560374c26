// Patterns of names: * is any text, ? any character.
#pragma once

#include <string_view>

namespace aiotrace {

/// Whether the pattern matches the whole text. Goes back to the last * only: at most pattern times text, whatever they
/// are.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace aiotrace
