// Building blocks of the JSON of all commands. Unknown is null.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace aiotrace::output {

using Json = nlohmann::ordered_json;

[[nodiscard]] inline Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

template <class Number>
[[nodiscard]] Json nonzero_or_null(Number number) {
  return number == 0 ? Json(nullptr) : Json(number);
}

template <class T>
[[nodiscard]] Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// On one line; invalid UTF-8 becomes U+FFFD, and characters to which a terminal or an editor would react are written
/// as \\uXXXX: JSON goes to terminals, too.
[[nodiscard]] std::string line_of(const Json& object);

}  // namespace aiotrace::output
