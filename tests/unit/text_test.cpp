#include "python/text.h"
#include "util/text.h"

#include "fake_memory.h"
#include "tests/catch.h"

using aiotrace::utf8_from_cpython;
using aiotrace::python::Layout;
using aiotrace::python::layout_for;
using aiotrace::python::read_bytes;
using aiotrace::python::read_text;
using aiotrace::testing::FakeMemory;

namespace {

const Layout& k311 = *layout_for(0x030b07f0);

/// A str object of 3.11 in memory of its own.
FakeMemory str(std::int64_t length, unsigned width, bool ascii, std::string_view data) {
  FakeMemory memory;
  const std::size_t header = ascii ? 48 : 72;
  memory.add(0x1000, header + data.size());
  memory.put<std::int64_t>(0x1000 + 16, length);
  memory.put<std::uint32_t>(0x1000 + 32, width << 2 | 1u << 5 | (ascii ? 1u << 6 : 0));
  memory.write(0x1000 + header, data);
  return memory;
}

std::string utf8_of(std::u32string_view text) { return utf8_from_cpython(std::as_bytes(std::span(text)), 4); }

}  // namespace

TEST_CASE("text: characters of each width", "[text]") {
  CHECK(utf8_from_cpython(std::as_bytes(std::span(std::string_view("a\xe9"))), 1) == "a\xc3\xa9");
  CHECK(utf8_from_cpython(std::as_bytes(std::span(std::u16string_view(u"\u0416\u30b3"))), 2) == "\u0416\u30b3");
  CHECK(utf8_of(U"\U0001f40d\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff") ==
        "\U0001f40d\x7f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff");
  CHECK(utf8_from_cpython({}, 1).empty());
  CHECK(utf8_from_cpython(std::as_bytes(std::span(std::string_view("abc"))), 2) ==
        "\u6261");  // half a character is left out
  CHECK(utf8_from_cpython(std::as_bytes(std::span(std::string_view("abc"))), 3).empty());
}

TEST_CASE("text: what is no character becomes U+FFFD", "[text]") {
  const char32_t odd[] = {0xd800, 'a', 0xdfff, 0x110000, 0xffffffff};
  CHECK(utf8_from_cpython(std::as_bytes(std::span(odd)), 4) == "\ufffda\ufffd\ufffd\ufffd");
}

TEST_CASE("text: str objects", "[text]") {
  CHECK(read_text(str(3, 1, true, "abc"), k311, 0x1000) == "abc");
  CHECK(read_text(str(0, 1, true, ""), k311, 0x1000) == "");
  CHECK(read_text(str(2, 1, false, "\xe9\xe8"), k311, 0x1000) == "éè");
  const std::string long_text(5000, 'x');
  CHECK(read_text(str(5000, 1, true, long_text), k311, 0x1000)->size() == 4096);
  CHECK(read_text(str(5000, 1, true, long_text), k311, 0x1000, 10) == "xxxxxxxxxx");
}

TEST_CASE("text: broken str objects give nothing", "[text]") {
  CHECK(!read_text(str(-1, 1, true, "abc"), k311, 0x1000));
  CHECK(!read_text(str(3, 3, false, "abc"), k311, 0x1000));
  CHECK(!read_text(str(3, 2, true, "abcdef"), k311, 0x1000));
  CHECK(!read_text(str(INT64_MAX, 4, false, "abc"), k311, 0x1000));  // longer than the memory
  CHECK(!read_text(str(3, 1, true, "abc"), k311, 0x2000));
  CHECK(!read_text(str(3, 1, true, "abc"), k311, 0));
  FakeMemory legacy = str(3, 1, true, "abc");
  legacy.put<std::uint32_t>(0x1000 + 32, 1u << 2);  // not compact
  CHECK(!read_text(legacy, k311, 0x1000));
}

TEST_CASE("text: bytes objects within a bound", "[text]") {
  FakeMemory memory;
  memory.add(0x1000, 32 + 4);
  memory.put<std::int64_t>(0x1000 + 16, 4);
  memory.write(0x1000 + 32, std::string_view("\0\1\2\3", 4));
  CHECK(read_bytes(memory, k311, 0x1000, 4) == std::string("\0\1\2\3", 4));
  CHECK(!read_bytes(memory, k311, 0x1000, 3));
  memory.put<std::int64_t>(0x1000 + 16, -4);
  CHECK(!read_bytes(memory, k311, 0x1000, 4));
}
