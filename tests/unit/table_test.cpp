#include "output/text/table.h"

#include "output/text/style.h"
#include "tests/catch.h"
#include "util/text.h"

using namespace aiotrace;
using output::fitted;
using output::Table;

namespace {

output::OutputContext wide(std::size_t columns) {
  output::OutputContext context;
  context.columns = columns;
  return context;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

Table sample() {
  using enum output::Column::Side;
  Table table({{.heading = "TIME"},
               {.heading = "SHARE", .expendable = 1},
               {.heading = "WHO", .side = left, .least = 6, .most = 12, .keep_end = true}},
              "PLACE", 8);
  table.add({.cells = {"12.3 ms", "50 %", "handler.<locals>.inner"},
             .text = [](std::size_t columns) { return shorten_left("app/handlers.py:42", columns); },
             .marked = {0},
             .below = {"  advice"}});
  table.add({.cells = {"1 s", "5 %", "main"}, .text = {}});
  return table;
}

}  // namespace

TEST_CASE("table: rows below a hundredth of the largest are not worth a line", "[table]") {
  const std::vector<std::uint64_t> sizes{1000, 500, 10, 9, 9, 0};
  const auto shown = [&](std::size_t top) {
    return output::rows_worth_showing(sizes.size(), top, [&](std::size_t i) { return sizes[i]; });
  };
  CHECK(shown(10) == 3);
  CHECK(shown(2) == 2);
  CHECK(shown(0) == 6);
  CHECK(output::rows_worth_showing(0, 10, [](std::size_t) { return std::uint64_t{1}; }) == 0);
  // Nothing is larger than the others: all are as good as the first.
  CHECK(output::rows_worth_showing(3, 10, [](std::size_t) { return std::uint64_t{0}; }) == 3);
  CHECK(output::smaller_rows(34, 3, "sites") == std::vector<std::string>{"… and 31 smaller sites (--top 0 shows all)"});
  CHECK(output::smaller_rows(3, 3, "sites").empty());
}

TEST_CASE("a table aligns its columns and cuts none where there is room", "[output][table]") {
  CHECK(joined(sample().lines(wide(80))) ==
        "   TIME  SHARE  WHO           PLACE\n"
        "12.3 ms   50 %  …cals>.inner  app/handlers.py:42\n"
        "  advice\n"
        "    1 s    5 %  main\n");
  CHECK(Table({{.heading = "A"}}, "B", 8).lines(wide(80)).empty());
}

TEST_CASE("a narrow table shrinks what may shrink, then goes without what it can spare", "[output][table]") {
  CHECK(joined(sample().lines(wide(34))) ==
        "   TIME  SHARE  WHO       PLACE\n"
        "12.3 ms   50 %  …>.inner  …s.py:42\n"
        "  advice\n"
        "    1 s    5 %  main\n");
  for (std::size_t columns = 25; columns < 60; ++columns) {
    INFO(columns);
    for (const auto& line : sample().lines(wide(columns))) CHECK(display_width(line) <= columns);
  }
  CHECK_FALSE(joined(sample().lines(wide(26))).contains("SHARE"));
}

TEST_CASE("a marked cell is yellow, the heading bold", "[output][table]") {
  auto context = wide(80);
  context.color = true;
  const auto lines = sample().lines(context);
  CHECK(lines.at(0).starts_with("\x1b[1m"));
  CHECK(lines.at(1).starts_with("\x1b[1;33m12.3 ms\x1b[0m  "));
}

TEST_CASE("a name and a place are fitted: first without what follows, then the place loses its beginning",
          "[output][table]") {
  const auto fit = [](std::size_t columns) {
    return fitted("fetch", "/srv/app/client.py:12", "asyncio.sleep", columns);
  };
  CHECK(fit(60) == "fetch  /srv/app/client.py:12  asyncio.sleep");
  CHECK(fit(40) == "fetch  /srv/app/client.py:12");
  CHECK(fit(28) == "fetch  /srv/app/client.py:12");
  CHECK(fit(24) == "fetch  …/client.py:12");
  for (std::size_t columns = 4; columns < 60; ++columns) CHECK(display_width(fit(columns)) <= columns);
  CHECK(display_width(fitted(std::string(100, 'n'), std::string(100, 'p'), std::string(100, 't'), 40)) == 40);
  CHECK(fitted("name", "", "", 3) == "na…");
}

TEST_CASE("a long text is wrapped at blanks behind its lead", "[output][table]") {
  CHECK(joined(output::wrapped("one two three four five six seven", "  → ", wide(24))) ==
        "  → one two three four\n"
        "    five six seven\n");
  CHECK(joined(output::wrapped(std::string(50, 'x'), "", wide(30))) == std::string(29, 'x') + "…\n");
  CHECK(output::wrapped("", "> ", wide(30)).size() == 1);
}
