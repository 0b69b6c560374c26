// Names of enumerations in JSON, options and text: one table for each, in the order of its values.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace aiotrace::model {

/// Specialised next to each enumeration whose values start at 0: `list`, their names.
template <class E>
struct Names;

template <class E>
concept Named = requires { Names<E>::list.size(); };

template <Named E>
inline constexpr std::size_t kValues = Names<E>::list.size();

template <Named E>
[[nodiscard]] constexpr std::string_view name(E value) {
  const auto at = static_cast<std::size_t>(value);
  return at < kValues<E> ? std::string_view(Names<E>::list[at]) : "?";
}

}  // namespace aiotrace::model
