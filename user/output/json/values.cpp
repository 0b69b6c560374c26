#include "output/json/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/text.h"

namespace aiotrace::output {

std::string line_of(const Json& object) {
  constexpr int kOneLine = -1;
  auto line = object.dump(kOneLine, ' ', false, Json::error_handler_t::replace);
  constexpr unsigned char kDelete = 0x7f;
  if (std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) >= kDelete; })) return line;
  // Outside of strings JSON is ASCII, so this only changes how characters of strings are written.
  std::string out;
  std::string_view rest = line;
  while (!rest.empty()) {
    const auto c = static_cast<std::uint32_t>(next_code_point(rest));
    if (!is_unsafe(c)) {
      append_utf8(out, c);
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    }
  }
  return out;
}

}  // namespace aiotrace::output
