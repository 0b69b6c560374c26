#include "python/line_table.h"

#include <charconv>
#include <sstream>
#include <vector>

#include "child.h"
#include "tests/catch.h"

using aiotrace::python::line_of;
using aiotrace::testing::Child;
using aiotrace::testing::Python;
using aiotrace::testing::pythons;

namespace {

constexpr std::uint32_t k38 = 0x030812f0, k310 = 0x030a0df0, k311 = 0x030b07f0;
using Table = std::vector<std::uint8_t>;

Table from_hex(const std::string& text) {
  Table table;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    std::uint8_t byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    table.push_back(byte);
  }
  return table;
}

std::uint32_t hex_version(const std::string& text) {
  unsigned major = 0, minor = 0, patch = 0;
  char dot = 0;
  std::istringstream(text) >> major >> dot >> minor >> dot >> patch;
  return major << 24 | minor << 16 | patch << 8 | 0xf0;
}

/// Every instruction of many code objects against the interpreter's own answer.
void compare_with(const Python& python) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  auto command = python.command;
  command.insert(command.end(), {"-E", "-S", "tests/unit/line_table_target.py"});
  Child child(command);
  const std::uint32_t version = hex_version(python.version);
  std::size_t codes = 0, instructions = 0, wrong = 0, without_line = 0;
  for (std::string line = child.line(); !line.empty(); line = child.line()) {
    std::istringstream words(line);
    std::uint32_t first = 0;
    std::string hex, ranges;
    words >> first >> hex >> ranges;
    const Table table = from_hex(hex == "-" ? "" : hex);
    ++codes;
    CHECK(line_of(version, table, first, -1) == first);
    std::istringstream each(ranges);
    for (std::string range; std::getline(each, range, ',');) {
      int start = 0, end = 0;
      char colon = 0;
      std::string want;
      std::istringstream(range) >> start >> colon >> end >> colon >> want;
      for (int offset = start; offset < end; offset += 2) {
        const auto got = line_of(version, table, first, offset);
        ++instructions;
        without_line += want == "-";
        if ((got ? std::to_string(*got) : "-") == want) continue;
        if (++wrong > 5) continue;
        FAIL_CHECK("code " << codes << " first line " << first << " offset " << offset << ": " << (got ? *got : 0)
                           << ", Python says " << want);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(codes > 1500);
  CHECK(instructions > 100'000);
  if (version >= k311) CHECK(without_line > 0);
}

}  // namespace

TEST_CASE("line table: 3.8 and 3.9, signed steps", "[line_table]") {
  const Table table = {0, 1, 6, 1, 4, 0xfe, 255, 0, 10, 127, 0, 127, 2, 5};
  CHECK(line_of(k38, table, 10, -1) == 10u);
  CHECK(line_of(k38, table, 10, 0) == 11u);
  CHECK(line_of(k38, table, 10, 5) == 11u);
  CHECK(line_of(k38, table, 10, 6) == 12u);
  CHECK(line_of(k38, table, 10, 10) == 10u);
  CHECK(line_of(k38, table, 10, 274) == 10u);
  CHECK(line_of(k38, table, 10, 275) == 264u);
  CHECK(line_of(k38, table, 10, 9999) == 269u);  // the last step reaches to the end, wherever that is
  CHECK(line_of(k38, {}, 10, 40) == 10u);
  CHECK(line_of(k38, Table{2}, 10, 40) == 10u);  // half a pair
  CHECK(!line_of(k38, Table{0, 0x80}, 10, 0));   // line -118
}

TEST_CASE("line table: 3.10, ranges with lines and without", "[line_table]") {
  const Table table = {4, 1, 2, 0x80, 0, 5, 6, 0xff};
  CHECK(line_of(k310, table, 10, -1) == 10u);
  CHECK(line_of(k310, table, 10, 0) == 11u);
  CHECK(line_of(k310, table, 10, 2) == 11u);
  CHECK(!line_of(k310, table, 10, 4));
  CHECK(line_of(k310, table, 10, 6) == 15u);
  CHECK(line_of(k310, table, 10, 11) == 15u);
  CHECK(!line_of(k310, table, 10, 12));
  CHECK(!line_of(k310, {}, 10, 0));
  CHECK(!line_of(k310, Table{4}, 10, 0));
}

TEST_CASE("line table: 3.11, every kind of entry", "[line_table]") {
  const Table table = {
      0x80,  // short form, 1 unit, line + 0
      0x05,  //   its columns
      0x80 | 11 << 3 | 1,
      3,
      9,  // one line further, 2 units, columns
      0x80 | 13 << 3,
      0x03,                // no columns, 1 unit, line - 1
      0x80 | 15 << 3 | 2,  // no line, 3 units
      0x80 | 14 << 3,
      0x48,
      0x3f,
      0x41,
      1,
      1,
      2,  // long, 1 unit: (8 | 63 << 6) / 2 = 2020 lines further
      0x80 | 12 << 3,
      1,
      2,  // two lines further
  };
  CHECK(line_of(k311, table, 10, -1) == 10u);
  CHECK(line_of(k311, table, 10, 0) == 10u);
  CHECK(line_of(k311, table, 10, 2) == 11u);
  CHECK(line_of(k311, table, 10, 5) == 11u);
  CHECK(line_of(k311, table, 10, 6) == 10u);
  CHECK(!line_of(k311, table, 10, 8));
  CHECK(!line_of(k311, table, 10, 13));
  CHECK(line_of(k311, table, 10, 14) == 2030u);
  CHECK(line_of(k311, table, 10, 16) == 2032u);
  CHECK(!line_of(k311, table, 10, 18));
}

TEST_CASE("line table: a broken location table gives nothing", "[line_table]") {
  CHECK(!line_of(k311, {}, 10, 0));
  CHECK(!line_of(k311, Table{0x05}, 10, 0));                        // begins in the middle
  CHECK(!line_of(k311, Table{0x80 | 13 << 3}, 10, 0));              // its number is missing
  CHECK(!line_of(k311, Table{0x80 | 13 << 3, 0x40}, 10, 0));        // its number goes on behind the end
  CHECK(!line_of(k311, Table{0x80 | 13 << 3, 0x40, 0x80}, 10, 0));  // or into the next entry
  CHECK(!line_of(k311, Table{0x80 | 13 << 3, 0x3f}, 10, 0));        // line -21
  CHECK(!line_of(k311, Table(100, 0x7f), 10, 0));
  Table endless(9, 0x7f);
  endless[0] = 0x80 | 13 << 3;
  CHECK(!line_of(k311, endless, 10, 0));  // a number without end
  // Nothing of random bytes may be read outside (the sanitizers watch) or hang.
  std::uint32_t random = 1;
  for (int round = 0; round < 20'000; ++round) {
    Table noise(random % 40);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>((random = random * 1664525 + 1013904223) >> 24);
    for (const std::uint32_t version : {k38, k310, k311}) (void)line_of(version, noise, 1, round % 100);
    random = random * 1664525 + 1013904223;
  }
}

AIOTRACE_TEST_CASES(line_tables) {
  for (const Python& python : pythons()) {
    aiotrace::testing::add_test_case("line table: as Python " + python.title() + " itself says", "[line_table][python]",
                                     [&python] { compare_with(python); });
  }
}
