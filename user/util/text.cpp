#include "util/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace aiotrace {
namespace {

constexpr std::string_view kEllipsis = "…";

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) {
  for (const auto& range : ranges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

constexpr std::array<Range, 12> kUnsafe{{
    {0x00, 0x1f},
    {0x7f, 0x9f},
    {0xad, 0xad},        // soft hyphen
    {0x61c, 0x61c},      // Arabic letter mark
    {0x180e, 0x180e},    // Mongolian vowel separator
    {0x200b, 0x200b},    // zero width space
    {0x200e, 0x200f},    // left-to-right and right-to-left marks
    {0x2028, 0x202e},    // line and paragraph separators, bidirectional embeddings and overrides
    {0x2060, 0x206f},    // word joiner, invisible operators, bidirectional isolates
    {0xfeff, 0xfeff},    // byte order mark
    {0xfff9, 0xfffb},    // interlinear annotations
    {0xe0000, 0xe007f},  // tags
}};

constexpr std::array<Range, 7> kZeroWidth{{
    {0x300, 0x36f},
    {0x483, 0x489},
    {0x591, 0x5bd},
    {0x200c, 0x200d},
    {0x20d0, 0x20f0},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
}};

// The blocks that Unicode's East Asian Width calls wide, coarsely.
constexpr std::array<Range, 10> kWide{{
    {0x1100, 0x115f},
    {0x2e80, 0x303e},
    {0x3041, 0xa4cf},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff00, 0xff60},
    {0xffe0, 0xffe6},
    {0x1f300, 0x1faff},
    {0x20000, 0x3fffd},
}};

std::size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (in(kZeroWidth, c)) return 0;
  return in(kWide, c) ? 2 : 1;
}

/// The number of leading bytes of `text` that are printable ASCII: nearly all bytes of nearly every name.
std::size_t plain_bytes(std::string_view text) {
  const auto end = std::ranges::find_if(text, [](char c) { return c < 0x20 || c >= 0x7f; });
  return static_cast<std::size_t>(end - text.begin());
}

template <class Unit>
void append_units(std::string& out, std::span<const std::byte> characters) {
  for (std::size_t at = 0; at + sizeof(Unit) <= characters.size(); at += sizeof(Unit)) {
    Unit unit = 0;
    std::memcpy(&unit, characters.data() + at, sizeof(Unit));
    append_utf8(out, static_cast<char32_t>(unit));
  }
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) c = kReplacement;
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

char32_t next_code_point(std::string_view& text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(0);
  std::size_t length = 1;
  char32_t c = first;
  char32_t smallest = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2, c = first & 0x1f, smallest = 0x80;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3, c = first & 0x0f, smallest = 0x800;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4, c = first & 0x07, smallest = 0x10000;
  } else if (first >= 0x80) {
    c = kReplacement;
  }
  bool good = length <= text.size();
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xc0) == 0x80;
    c = (c << 6) | (byte(i) & 0x3f);
  }
  if (!good || c < smallest || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
    text.remove_prefix(1);
    return kReplacement;
  }
  text.remove_prefix(length);
  return c;
}

std::string valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) append_utf8(out, next_code_point(bytes));
  return out;
}

std::string utf8_from_cpython(std::span<const std::byte> characters, unsigned width) {
  std::string out;
  out.reserve(characters.size());
  if (width == 1) {
    const std::string_view bytes(reinterpret_cast<const char*>(characters.data()), characters.size());
    const std::size_t plain = plain_bytes(bytes);
    out += bytes.substr(0, plain);
    append_units<std::uint8_t>(out, characters.subspan(plain));
  }
  if (width == 2) append_units<std::uint16_t>(out, characters);
  if (width == 4) append_units<std::uint32_t>(out, characters);
  return out;
}

bool is_unsafe(char32_t code_point) { return in(kUnsafe, code_point); }

std::string clean_for_terminal(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (true) {
    const std::size_t plain = plain_bytes(utf8);
    out += utf8.substr(0, plain);
    utf8.remove_prefix(plain);
    if (utf8.empty()) return out;
    const auto c = next_code_point(utf8);
    if (!is_unsafe(c)) {
      append_utf8(out, c);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
  }
}

std::size_t display_width(std::string_view utf8) {
  std::size_t width = plain_bytes(utf8);
  utf8.remove_prefix(width);
  while (!utf8.empty()) width += width_of(next_code_point(utf8));
  return width;
}

std::string shorten_left(std::string_view utf8, std::size_t columns) {
  auto width = display_width(utf8);
  if (width <= columns) return std::string(utf8);
  if (columns == 0) return {};
  while (!utf8.empty() && width + 1 > columns) width -= width_of(next_code_point(utf8));
  // A path is more readable if it starts at a component, unless that costs more than a third of the width.
  if (const auto slash = utf8.find('/'); slash != std::string_view::npos && slash <= utf8.size() / 3) {
    utf8.remove_prefix(slash);
  }
  return std::string(kEllipsis) + std::string(utf8);
}

std::string shorten_right(std::string_view utf8, std::size_t columns) {
  if (display_width(utf8) <= columns) return std::string(utf8);
  if (columns == 0) return {};
  std::size_t width = 1;
  auto rest = utf8;
  auto kept = rest.size();
  while (!rest.empty()) {
    kept = rest.size();
    width += width_of(next_code_point(rest));
    if (width > columns) break;
  }
  return std::string(utf8.substr(0, utf8.size() - kept)) + std::string(kEllipsis);
}

std::string pad_right(std::string_view utf8, std::size_t columns) {
  const auto width = display_width(utf8);
  return std::string(utf8) + std::string(width < columns ? columns - width : 0, ' ');
}

std::string pad_left(std::string_view utf8, std::size_t columns) {
  const auto width = display_width(utf8);
  return std::string(width < columns ? columns - width : 0, ' ') + std::string(utf8);
}

std::string format_count(std::uint64_t count) {
  auto digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_share(std::uint64_t part, std::uint64_t whole) {
  if (part == 0 || whole == 0) return "0.0 %";
  const auto percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return percent < 0.05 ? "<0.1 %" : fmt::format("{:.1f} %", percent);
}

}  // namespace aiotrace
