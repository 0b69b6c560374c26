// The files written at the end of a run: they must agree with the JSON; and the behaviour if they cannot be written.
#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

// In microseconds, as a page has them.
double micros(const Json& ns) { return ns.get<double>() / 1000; }

// Every stall of the JSON is a mark on the page, with its parts and, if shown, its time line.
void check_page(const Json& data, const std::vector<Json>& lines) {
  std::multimap<double, Json> marks;
  for (const auto& mark : data["marks"]) marks.emplace(mark[1].get<double>(), mark);
  const auto stalls = stalls_in(lines);
  CHECK(marks.size() == stalls.size());
  CHECK(data["stalls"] == stalls.size());
  for (const auto& stall : stalls) {
    INFO(stall.dump());
    const auto found = marks.lower_bound(micros(stall["duration_ns"]) - 0.01);
    REQUIRE(found != marks.end());
    REQUIRE(std::abs(found->first - micros(stall["duration_ns"])) < 0.01);
    const auto& details = found->second[4];
    double sum = 0;
    for (const auto& segment : details["segments"]) sum += segment["us"].get<double>();
    CHECK(sum <= found->first + 0.1);
    if (!details.contains("moments")) continue;
    double end = 0;
    std::map<std::string, double> by_cause;
    for (const auto& moment : details["moments"]) {
      CHECK(moment[0].get<double>() >= end - 0.01);
      end = moment[0].get<double>() + moment[1].get<double>();
      by_cause[data["causes"][moment[2].get<std::size_t>()].get<std::string>()] += moment[1].get<double>();
    }
    CHECK(end <= found->first + 0.01);
    // A single long wait is exact: it occurs once, with the length in the JSON except for waits too short to be
    // reported.
    for (const auto* cause : {"sleep", "network", "gil"}) {
      if (!stall["causes"].contains(cause)) continue;
      const double reported = micros(stall["causes"][cause]);
      if (reported > 50'000) CHECK(std::abs(by_cause[cause] - reported) < 0.1 * reported);
    }
  }
}

FOR_FEW_PYTHONS(exports, "page, trace and profiles say what the JSON says", "[exports]") {
  Target target(python, "faults.py", {"--faults", "sleep:60,python:100,network:60,gil:60,file:60"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--html", "FILE:html", "--perfetto", "FILE:perfetto",
                 "--speedscope", "FILE:speedscope", "--pprof", "FILE:pprof"});
  tracer.wait_watching();
  target.go();
  target.process().wait();
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  const auto lines = tracer.lines();
  check_page(page_data(slurp(tracer.file("html"))), lines);

  double whole = 0;
  for (const auto& stall : stalls_in(lines)) whole += stall["duration_ns"].get<double>();
  const auto speedscope = Json::parse(slurp(tracer.file("speedscope")));
  CHECK(speedscope["profiles"][0]["endValue"].get<double>() == whole);
  const auto pprof = slurp(tracer.file("pprof"));
  REQUIRE(pprof.size() > 18);
  CHECK(pprof.substr(0, 2) == "\x1f\x8b");
  const auto perfetto = slurp(tracer.file("perfetto"));
  CHECK_THAT(perfetto, ContainsSubstring("network recvfrom"));
  CHECK_THAT(perfetto, ContainsSubstring("GIL held by"));
}

TEST_CASE("awaits for viewers: the weights of the folded chains", "[exports][awaits]") {
  Target target(any_python(), "idle.py", {"--tick", "20"});
  target.wait_ready();
  Tracer tracer({"awaits", "-p", std::to_string(target.pid()), "-d", "1s", "--folded", "FILE:folded", "--speedscope",
                 "FILE:speedscope", "--pprof", "FILE:pprof"});
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  double folded_ns = 0, lines = 0;
  for (const auto& line : lines_of(slurp(tracer.file("folded")))) {
    folded_ns += 1000 * std::stod(line.substr(line.rfind(' ') + 1));
    lines++;
  }
  REQUIRE(lines > 0);
  const auto speedscope = Json::parse(slurp(tracer.file("speedscope")));
  // Folded weights are whole microseconds.
  CHECK(std::abs(speedscope["profiles"][0]["endValue"].get<double>() - folded_ns) <= 1000 * (lines + 1));
  CHECK(slurp(tracer.file("pprof")).substr(0, 2) == "\x1f\x8b");
}

TEST_CASE("Ctrl-C: every file is complete", "[exports]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--html", "FILE:html", "--perfetto", "FILE:perfetto",
                 "--speedscope", "FILE:speedscope", "--pprof", "FILE:pprof"});
  tracer.wait_watching();
  target.go();
  (void)tracer.wait_line([](const Json& line) { return line["type"] == "stall"; });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  const auto page = slurp(tracer.file("html"));
  CHECK(page.ends_with("</html>\n"));
  CHECK(page_data(page)["marks"].size() == 1);
  CHECK(Json::parse(slurp(tracer.file("speedscope")))["profiles"].size() == 1);
  CHECK_FALSE(slurp(tracer.file("pprof")).empty());
  CHECK_FALSE(slurp(tracer.file("perfetto")).empty());
}

TEST_CASE("a page on a full disk: said once, exit status 1, the rest is complete", "[exports]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--html", "/dev/full", "--speedscope", "FILE:speedscope"});
  tracer.wait_watching();
  target.go();
  target.process().wait();
  CHECK(tracer.wait() == 1);
  CHECK(lines_of(tracer.err()).size() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("/dev/full"));
  CHECK_THAT(tracer.err(), ContainsSubstring("No space left"));
  CHECK(Json::parse(slurp(tracer.file("speedscope")))["profiles"].size() == 1);
  CHECK(schema_complaints(tracer.lines()) == std::vector<std::string>{});
}

TEST_CASE("a page that cannot be written is refused before anything is traced", "[exports]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--html", "/no/such/folder/r.html"});
  CHECK(tracer.wait() == 1);
  CHECK_THAT(tracer.err(), ContainsSubstring("open /no/such/folder/r.html for writing"));
}

}  // namespace
}  // namespace aiotrace::testing
