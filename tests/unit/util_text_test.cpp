#include "util/text.h"

#include <array>
#include <cstring>
#include <vector>

#include "tests/catch.h"

using namespace aiotrace;

namespace {

template <class Unit>
std::vector<std::byte> bytes_of(const std::vector<Unit>& units) {
  std::vector<std::byte> bytes(units.size() * sizeof(Unit));
  if (!bytes.empty()) std::memcpy(bytes.data(), units.data(), bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("malformed UTF-8 becomes U+FFFD and the rest survives", "[util]") {
  CHECK(valid_utf8("aé€😀") == "aé€😀");
  CHECK(valid_utf8("a\xff"
                   "b") ==
        "a\ufffd"
        "b");
  CHECK(valid_utf8("\xc3") == "\ufffd");                                // cut
  CHECK(valid_utf8("\xc0\xaf") == "\ufffd\ufffd");                      // overlong '/'
  CHECK(valid_utf8("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");            // surrogate
  CHECK(valid_utf8("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");  // beyond Unicode
  CHECK(valid_utf8("\xe2\x82"
                   "A") ==
        "\ufffd\ufffd"
        "A");
}

TEST_CASE("CPython's character widths become UTF-8", "[util]") {
  CHECK(utf8_from_cpython(bytes_of<std::uint8_t>({'a', 0xe9, 0x1b}), 1) == "aé\x1b");
  CHECK(utf8_from_cpython(bytes_of<std::uint16_t>({0x416, 0xd800, 'b'}), 2) == "Ж\ufffdb");
  CHECK(utf8_from_cpython(bytes_of<std::uint32_t>({0x1f600, 0x110000, 'c'}), 4) == "😀\ufffdc");
  CHECK(utf8_from_cpython(bytes_of<std::uint8_t>({'a', 0, 'b'}), 2) == "a");
  CHECK(utf8_from_cpython(bytes_of<std::uint8_t>({'a'}), 3).empty());
}

TEST_CASE("nothing that steers a terminal gets through", "[util]") {
  CHECK(clean_for_terminal("plain é 名前 😀") == "plain é 名前 😀");
  CHECK(clean_for_terminal("\x1b[31mred") == "\\x1b[31mred");
  CHECK(clean_for_terminal("a\nb\rc\td\x7f") == "a\\x0ab\\x0dc\\x09d\\x7f");
  CHECK(clean_for_terminal("\u009b31m") == "\\x9b31m");
  CHECK(clean_for_terminal("\x9b"
                           "31m") == "\ufffd31m");
  CHECK(clean_for_terminal("x\u202ey\u2066z\u2069") == "x\\u202ey\\u2066z\\u2069");
  CHECK(clean_for_terminal("\u2028\u200f\ufeff") == "\\u2028\\u200f\\ufeff");
  CHECK(clean_for_terminal(std::string_view("a\0b", 3)) == "a\\x00b");
  // For any bytes the result is valid and safe.
  for (unsigned value = 0; value < 0x10000; ++value) {
    const std::array<char, 2> pair{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
    const auto cleaned = clean_for_terminal({pair.data(), pair.size()});
    std::string_view rest = cleaned;
    bool safe = cleaned == valid_utf8(cleaned);
    while (!rest.empty()) safe = safe && !is_unsafe(next_code_point(rest));
    if (!safe) FAIL("unsafe output for " << value);
  }
}

TEST_CASE("widths count columns, and shortening keeps to them", "[util]") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("né") == 2);
  CHECK(display_width("名前") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(shorten_left("app/handlers.py:42", 18) == "app/handlers.py:42");
  CHECK(shorten_left("/srv/app/handlers.py:42", 18) == "…/handlers.py:42");
  CHECK(shorten_left("a_very_long_function_name", 10) == "…tion_name");
  CHECK(shorten_right("fetch-1234567", 8) == "fetch-1…");
  CHECK(shorten_right("名前名前", 6) == "名前…");
  CHECK(shorten_left("名前名前", 6) == "…名前");
  CHECK(shorten_right("abc", 0).empty());
  for (std::size_t columns = 0; columns < 30; ++columns) {
    CHECK(display_width(shorten_left("/srv/名前/handlers.py:42", columns)) <= columns);
    CHECK(display_width(shorten_right("/srv/名前/handlers.py:42", columns)) <= columns);
  }
  CHECK(pad_right("名", 4) == "名  ");
  CHECK(pad_left("é", 3) == "  é");
  CHECK(pad_left("long", 2) == "long");
}

TEST_CASE("counts, sizes and shares", "[util]") {
  CHECK(format_count(0) == "0");
  CHECK(format_count(999) == "999");
  CHECK(format_count(1'000) == "1,000");
  CHECK(format_count(1'234'567) == "1,234,567");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(14'200'000) == "14.2 MB");
  CHECK(format_bytes(999'960) == "1.0 MB");
  CHECK(format_share(0, 0) == "0.0 %");
  CHECK(format_share(1, 100'000) == "<0.1 %");
  CHECK(format_share(432, 1'000) == "43.2 %");
}
