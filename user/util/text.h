// Makes foreign text safe and cuts it to a width: UTF-8, terminal cleaning, widths. Independent of the locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "util/duration.h"

namespace aiotrace {

/// Replacement for text that cannot be decoded.
inline constexpr char32_t kReplacement = 0xfffd;

/// Appends one code point as UTF-8; surrogates and numbers beyond Unicode become U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

/// Removes the first code point from `text` (not empty) and returns it. A malformed byte gives U+FFFD and is removed
/// alone.
[[nodiscard]] char32_t next_code_point(std::string_view& text);

/// The same text with every malformed byte replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

/// Characters in the form of a CPython string object, `width` bytes each (1: Latin-1, 2, 4; native byte order), as
/// UTF-8. Lone surrogates become U+FFFD; bytes after the last whole character are ignored; any other width gives "".
[[nodiscard]] std::string utf8_from_cpython(std::span<const std::byte> characters, unsigned width);

/// True for characters that must never reach a terminal or a line-based file unchanged: C0, DEL and C1 controls, line
/// and paragraph separators, bidirectional overrides and marks, and other invisible format characters.
[[nodiscard]] bool is_unsafe(char32_t code_point);

/// Converts to valid UTF-8 on one line, with unsafe characters escaped: "\x1b", "\u202e".
[[nodiscard]] std::string clean_for_terminal(std::string_view utf8);

/// The number of columns of clean UTF-8 on a terminal: wide characters count 2, combining ones 0.
[[nodiscard]] std::size_t display_width(std::string_view utf8);

/// At most `columns` wide; text that is too long loses its beginning, shown as "…", and starts at a '/' if one is near:
/// "…/app/handlers.py:42".
[[nodiscard]] std::string shorten_left(std::string_view utf8, std::size_t columns);

/// At most `columns` wide; text that is too long loses its end, shown as "…".
[[nodiscard]] std::string shorten_right(std::string_view utf8, std::size_t columns);

/// Adds blanks after the text (or before it) until it is `columns` wide; never cuts it.
[[nodiscard]] std::string pad_right(std::string_view utf8, std::size_t columns);
[[nodiscard]] std::string pad_left(std::string_view utf8, std::size_t columns);

/// "1,234,567".
[[nodiscard]] std::string format_count(std::uint64_t count);

/// "14.2 MB" (powers of 1000).
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// A share as "43.2 %"; 0 of 0 is "0.0 %". A value that is not zero is never shown as zero: "<0.1 %".
[[nodiscard]] std::string format_share(std::uint64_t part, std::uint64_t whole);

}  // namespace aiotrace
