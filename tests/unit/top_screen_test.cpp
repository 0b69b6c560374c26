// The live view drawn into a grid.
#include <string>
#include <vector>

#include "output/screen/grid.h"
#include "output/screen/page.h"
#include "output/screen/top_cells.h"
#include "output/screen/top_view.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"
#include "util/text.h"

using namespace aiotrace;
using namespace aiotrace::output;
using model::Cause;
using model::index;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

TopView sample() {
  TopView view;
  view.targets = "this machine";
  view.time = "12:03:22";
  view.remembered_ns = 60'000 * kMs;
  view.warn_ns = 50 * kMs;
  view.error_ns = 200 * kMs;
  model::TopRow web{.service = "web", .command = "gunicorn", .thread = "MainThread", .pid = 1234, .tid = 1234};
  web.busy = 0.734;
  web.iterations_per_s = 1234.5;
  web.p99_ns = 12'300'000;
  web.longest_ns = 213 * kMs;
  web.longest_each_ns = {0, kMs / 2, 2 * kMs, 7 * kMs, 20 * kMs, 40 * kMs, 60 * kMs, 213 * kMs, 700 * kMs};
  web.stalls = 34;
  web.cause_ns[index(Cause::network)] = 1'500 * kMs;
  web.cause_ns[index(Cause::python)] = 700 * kMs;
  web.cause_ns[index(Cause::cpu_wait)] = 10 * kMs;
  web.ready = 3;
  web.looks = {.leaks = 12, .tasks = 4711, .hangs = 1, .verdict = model::HangVerdict::deadlock};
  model::TopRow hung{.service = "worker", .command = "python3", .thread = "loop-1", .pid = 77, .tid = 78};
  hung.busy = 1.0;
  hung.iterations_per_s = 0;
  hung.longest_ns = hung.ongoing_ns = 125'000 * kMs;
  hung.longest_each_ns = {125'000 * kMs};
  hung.stalls = 1;
  hung.cause_ns[index(Cause::sleep)] = 100'000 * kMs;
  hung.cause_ns[index(Cause::unknown)] = 25'000 * kMs;
  model::TopRow idle{.service = "a/very-long-name-of-a-service-that-nobody-can-read@host",
                     .thread = "MainThread",
                     .pid = 4194304,
                     .tid = 4194304};
  idle.busy = 0.0004;
  idle.iterations_per_s = 0.5;
  model::TopRow group{.service = "api", .loops = 8, .processes = 4, .merged = true};
  model::TopRow gone{.service = "job", .thread = "MainThread", .pid = 5, .tid = 5, .ended = true};
  view.rows = {web, hung, idle, group, gone};
  view.loops = 12;
  view.processes = 8;
  view.cursor = 1;
  view.message = "pid 77 (python3): its memory cannot be read";
  return view;
}

std::string drawn(const TopView& view, const Look& look) {
  Grid grid(look);
  draw_top(grid, view);
  return grid.text();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

bool is_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char each) { return static_cast<unsigned char>(each) < 0x80; });
}

}  // namespace

TEST_CASE("the screen of all loops: 80x24, 200x60, without UTF-8", "[top][text]") {
  samples::check_golden("top_80x24.txt", drawn(sample(), {.utf8 = true, .columns = 80, .rows = 24}));
  samples::check_golden("top_200x60.txt", drawn(sample(), {.utf8 = true, .columns = 200, .rows = 60}));
  const auto ascii = drawn(sample(), {.utf8 = false, .columns = 80, .rows = 24});
  samples::check_golden("top_80x24_ascii.txt", ascii);
  CHECK(is_ascii(ascii));
}

TEST_CASE("no screen is too small, and none is left", "[top]") {
  for (const std::size_t columns : {1, 2, 10, 39, 40, 61, 79, 81, 97, 133, 1000}) {
    for (const std::size_t rows : {1, 2, 4, 5, 6, 7, 24}) {
      const Look look{.utf8 = true, .columns = columns, .rows = rows};
      const auto lines = lines_of(drawn(sample(), look));
      CHECK(lines.size() <= rows);
      for (const auto& line : lines) CHECK(display_width(line) <= columns);
      Grid grid(look);
      draw_page(grid, {.title = "help", .lines = top_help(true), .first = 1000, .message = "m"});
      CHECK(lines_of(grid.text()).size() <= rows);
    }
  }
}

TEST_CASE("names of targets are cleaned and bounded", "[top]") {
  auto view = sample();
  view.rows.resize(1);
  view.rows[0].service = "\x1b]0;owned\x07\xff\n" + std::string(1'000'000, 'x');
  view.rows[0].thread = "\u202e" + std::string(3, '\0');
  view.filter = "\x1b[2J";
  view.message =
      "\r\x9b"
      "31m";
  const auto text = drawn(view, {.utf8 = true, .columns = 200, .rows = 24});
  for (const char each : text) CHECK((each == '\n' || static_cast<unsigned char>(each) >= ' '));
  CHECK(text.find("\u202e") == std::string::npos);
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("\\x1b]0;owned"));
}

TEST_CASE("wide characters take two cells, combining ones none, and no cell grows without end", "[top]") {
  Grid grid({.utf8 = true, .columns = 6, .rows = 1});
  CHECK(grid.put(0, 0, "日本語") == 6);
  CHECK(grid.at(0, 1).text.empty());
  CHECK(grid.text() == "日本語\n");
  Grid cut({.utf8 = true, .columns = 4, .rows = 1});
  CHECK(cut.put(0, 0, "日本語") <= 4);
  CHECK(display_width(lines_of(cut.text())[0]) <= 4);
  std::string zalgo = "a";
  for (int i = 0; i < 1000; ++i) zalgo += "\u0301";
  Grid marks({.utf8 = true, .columns = 3, .rows = 1});
  CHECK(marks.put(0, 0, zalgo + "b") == 2);
  CHECK(marks.at(0, 0).text.size() <= 32);
  CHECK(marks.at(0, 1).text == "b");
}

TEST_CASE("short texts of cells", "[top]") {
  CHECK(short_duration({}) == "-");
  CHECK(short_duration(4'250'000) == "4.25ms");
  CHECK(short_duration(125'000 * kMs) == "2m05s");
  CHECK(short_share(0.0004) == "<0.1%");
  CHECK(short_share(0.0) == "0%");
  CHECK(short_share(0.734) == "73.4%");
  CHECK(short_share(1.0) == "100%");
  CHECK(short_rate(0.5) == "0.5");
  CHECK(short_rate(1234.5) == "1234");
  CHECK(short_rate(99'999.0) == "100.0k");
  CHECK(short_rate(1.2e6) == "1.2M");
  for (const double share : {0.0, 0.00001, 0.0999, 0.5, 0.99949, 0.9999, 1.0}) CHECK(short_share(share).size() <= 5);
  for (const double rate : {0.0, 9.99, 99.94, 99.96, 9999.4, 12'345.0, 123'456.0, 999'949.0, 5e6})
    CHECK(short_rate(rate).size() <= 6);
}

TEST_CASE("the bar of causes: every group that has time has a column, and they fill it", "[top]") {
  std::array<std::uint64_t, model::kCauses> ns{};
  const auto bar = [&](std::size_t columns) {
    Grid grid({.utf8 = false, .columns = 20, .rows = 1});
    draw_causes(grid, 0, 0, columns, ns);
    return grid.text();
  };
  CHECK(bar(8).empty());
  ns[index(Cause::sleep)] = 1'000'000;
  CHECK(bar(8) == "========\n");
  ns[index(Cause::gc)] = 1;
  ns[index(Cause::throttled)] = 1;
  ns[index(Cause::unknown)] = 1;
  CHECK(bar(8) == "#=====-.\n");
  CHECK(bar(3).size() == 4);
  ns = {};
  ns[index(Cause::python)] = ns[index(Cause::native)] = ns[index(Cause::gil)] = 10;
  CHECK(bar(6) == "####==\n");
}

TEST_CASE("the columns to sort by follow each other on the screen, in a ring", "[top]") {
  auto now = model::TopSort::service;
  std::size_t steps = 0;
  do {
    const auto next = sort_column(now, 1);
    CHECK(sort_column(next, -1) == now);
    now = next;
    ++steps;
  } while (now != model::TopSort::service);
  CHECK(steps == model::Names<model::TopSort>::list.size());
}

TEST_CASE("a page shows its lines from the first one on, and never beyond the last", "[top]") {
  Page page{.title = "t", .lines = {}, .message = {}};
  for (int i = 0; i < 30; ++i) page.lines.push_back({"line " + std::to_string(i)});
  page.first = 29;
  Grid grid({.utf8 = true, .columns = 80, .rows = 10});
  draw_page(grid, page);
  const auto lines = lines_of(grid.text());
  REQUIRE(lines.size() == 10);
  CHECK(lines[1] == "line 23");
  CHECK(lines[7] == "line 29");
  CHECK_THAT(lines[9], Catch::Matchers::ContainsSubstring("lines 24 to 30 of 30"));
  CHECK(last_first(page, 10) == 23);
  CHECK(last_first(page, 100) == 0);
}
