#include "python/exception_table.h"

#include <vector>

#include "tests/catch.h"

using namespace aiotrace::python;

namespace {

// As CPython 3.12 wrote it for: async with l: await q (start, end, target, depth with the bit for lasti).
void put(std::vector<std::uint8_t>& table, std::uint32_t value, std::uint8_t first = 0) {
  std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(value & 0x3f)};
  while ((value >>= 6) != 0) bytes.insert(bytes.begin(), static_cast<std::uint8_t>((value & 0x3f) | 0x40));
  bytes.front() |= first;
  table.insert(table.end(), bytes.begin(), bytes.end());
}

std::vector<std::uint8_t> table_of(const std::vector<std::vector<std::uint32_t>>& entries) {
  std::vector<std::uint8_t> table;
  for (const auto& entry : entries) {
    put(table, entry[0] / 2, 0x80);
    put(table, (entry[1] - entry[0]) / 2);
    put(table, entry[2] / 2);
    put(table, entry[3] << 1 | entry[4]);
  }
  return table;
}

}  // namespace

TEST_CASE("the handler of an instruction is found, and where it is covered itself", "[python]") {
  const auto table = table_of({{4, 18, 302, 0, 1},
                               {18, 20, 168, 3, 0},
                               {26, 58, 260, 1, 1},
                               {58, 60, 172, 5, 0},
                               {172, 174, 260, 1, 1},
                               {260, 272, 296, 300, 1}});
  CHECK(!handler_of(table, 2));
  CHECK(handler_of(table, 4)->target == 302);
  CHECK(handler_of(table, 16)->depth == 0);
  CHECK(handler_of(table, 18)->target == 168);
  CHECK(!handler_of(table, 22));
  CHECK(handler_of(table, 58)->target == 172);
  CHECK(handler_of(table, 172)->target == 260);
  CHECK(handler_of(table, 270)->depth == 300);
  CHECK(!handler_of(table, 272));
  CHECK(!handler_of(table, 1u << 30));
}

TEST_CASE("a table that is cut off, or that never ends a number, covers nothing", "[python]") {
  auto table = table_of({{0, 100, 200, 1, 1}});
  for (std::size_t size = 0; size < table.size(); ++size) CHECK(!handler_of(std::span(table).first(size), 10));
  const std::vector<std::uint8_t> endless(1000, 0x7f);
  CHECK(!handler_of(endless, 10));
}
