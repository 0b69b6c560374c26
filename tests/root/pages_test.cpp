// The pages of the commands: they must agree with the JSON of the same run, and a browser must show them.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <tuple>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

// Like the tests without root; if there is no browser, those tests report it.
void check_in_browser(const std::string& page) {
  const auto reader = std::filesystem::path(__FILE__).parent_path().parent_path() / "readers" / "check_page.py";
  const auto outcome = run({"python3", reader.string(), page});
  constexpr int kNoBrowser = 77;
  CHECK((outcome.status == 0 || outcome.status == kNoBrowser));
  CHECK(outcome.out == "");
}

std::vector<Json> of_type(const std::vector<Json>& lines, const std::string& type) {
  std::vector<Json> some;
  for (const auto& line : lines) {
    if (line["type"] == type) some.push_back(line);
  }
  return some;
}

void check_us(const Json& us, const Json& ns) { CHECK(std::abs(us.get<double>() - ns.get<double>() / 1000) < 0.01); }

// One command on a target that runs until it gets a request to end.
struct Ran {
  std::vector<Json> lines;
  Json page;
};

Ran run_with_page(Target& target, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin() + 1, {"-p", std::to_string(target.pid()), "--html", "FILE:page.html"});
  Tracer tracer(arguments);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  Ran ran{.lines = tracer.lines(), .page = page_data(slurp(tracer.file("page.html")))};
  check_in_browser(tracer.file("page.html"));
  return ran;
}

// The sites and their times, for all kinds of awaits.
void check_sites(const Ran& ran) {
  const auto rows = of_type(ran.lines, "await");
  REQUIRE_FALSE(rows.empty());
  REQUIRE(ran.page["sites"].size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& site = ran.page["sites"][i];
    CHECK(site["function"] == rows[i]["site"]["function"]);
    CHECK(site["line"] == rows[i]["site"]["line"]);
    CHECK(site["awaits"] == rows[i]["awaits"]);
    CHECK(site["count"] == rows[i]["count"]);
    const auto in_flight_ns = rows[i].value("in_flight_ns", std::uint64_t{0});
    check_us(site["us"], rows[i]["total_ns"].get<std::uint64_t>() + in_flight_ns);
  }
}

TEST_CASE("pages: awaits", "[pages]") {
  Target target(any_python(), "awaits.py");
  target.wait_ready();
  const auto ran = run_with_page(target, {"awaits", "-d", "1s", "--rate", "50", "--budget", "50"});
  check_sites(ran);
  double all = 0;
  for (const auto& row : of_type(ran.lines, "await")) all += row["total_ns"].get<double>();
  // Each chain is a stack of the flame graph: the root has all of the time.
  const auto root = ran.page["flame"]["nodes"][0][2].get<double>();
  CHECK(std::abs(root - all) < 0.01 * all);
}

TEST_CASE("pages: awaits --exact", "[pages]") {
  Target target(any_python(), "awaits.py");
  target.wait_ready();
  const auto ran = run_with_page(target, {"awaits", "--exact", "-d", "1s", "--max-cost", "100"});
  check_sites(ran);
  const auto delays = of_type(ran.lines, "delay");
  REQUIRE(ran.page["delays"].size() == delays.size());
  for (std::size_t i = 0; i < delays.size(); ++i) check_us(ran.page["delays"][i]["p99_us"], delays[i]["p99_ns"]);
}

TEST_CASE("pages: profile", "[pages]") {
  Target target(any_python(), "profiled.py", {"--kind", "waits"});
  target.wait_ready();
  for (const std::string mode : {"cpu", "off-cpu", "wall", "gil"}) {
    INFO(mode);
    const auto ran = run_with_page(target, {"profile", "--mode", mode, "-d", "500ms"});
    const auto& summary = ran.lines.back();
    CHECK(ran.page["mode"] == mode);
    check_us(ran.page["idle_us"], summary["idle_ns"]);
    for (std::size_t i = 0; i < ran.page["causes"].size(); ++i) {
      const auto& reported = summary["causes"];
      const auto cause = ran.page["causes"][i].get<std::string>();
      check_us(ran.page["cause_us"][i], reported.contains(cause) ? reported[cause] : Json(0));
    }
    if (mode != "gil") CHECK(ran.page["functions"].size() == summary["functions"].size());
  }
}

TEST_CASE("pages: leaks", "[pages]") {
  Target target(any_python(), "leaky.py");
  (void)target.line();  // what leaks: it is ready
  const auto ran = run_with_page(target, {"leaks", "--watch=500ms", "-d", "2s", "--age", "1s"});
  const auto scans = of_type(ran.lines, "scan");
  REQUIRE(scans.size() >= 2);
  CHECK(ran.page["scans"].size() == scans.size());
  std::uint64_t reported = 0, shown = 0;
  for (const auto& leak : of_type(ran.lines, "leak")) {
    if (leak["scan"] == scans.back()["number"])
      reported += leak["count"].is_null() ? 1 : leak["count"].get<std::uint64_t>();
  }
  for (const auto& place : ran.page["places"]) {
    CHECK(place["gone"] == false);
    CHECK(place["points"].size() == scans.size());
    shown += place["leaks"].get<std::uint64_t>() + place["candidates"].get<std::uint64_t>();
  }
  CHECK(shown == reported);
}

TEST_CASE("pages: two recordings compared", "[pages]") {
  const Scratch scratch;
  for (const std::string name : {"before", "after"}) {
    Target target(any_python(), "faults.py",
                  {"--faults", name == "before" ? "sleep:60,file:80" : "sleep:160,python:90"});
    target.wait_ready();
    Tracer tracer({"-p", std::to_string(target.pid()), "--record", scratch.file(name)});
    tracer.wait_watching();
    target.go();
    target.process().wait();
    CHECK(tracer.wait() == 0);
  }
  const auto compared = run({aiotrace_binary(), "report", "--diff", scratch.file("before"), scratch.file("after"),
                             "--json", "-", "--html", scratch.file("page.html")});
  CHECK(compared.status == 0);
  CHECK(compared.err == "");
  const auto page = page_data(slurp(scratch.file("page.html")));
  const auto places = of_type(ndjson(compared.out), "place");
  REQUIRE(page["places"].size() == places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    CHECK(page["places"][i]["change"] == places[i]["change"]);
    CHECK(page["places"][i]["before"].is_null() == places[i]["before"].is_null());
    if (!places[i]["after"].is_null()) check_us(page["places"][i]["after"]["us"], places[i]["after"]["ns"]);
  }
  // The graph's root has the same time as the totals.
  const auto& root = page["flame"]["nodes"][0];
  for (const auto& [at, side] : {std::pair{3, "before"}, {4, "after"}}) {
    double sum = 0;
    for (const auto& us : page[side]["cause_us"]) sum += us.get<double>();
    CHECK(std::abs(root[at].get<double>() - sum) < 0.01 * sum);
  }
  check_in_browser(scratch.file("page.html"));
}

TEST_CASE("pages: what cannot be written is one line", "[pages][usage]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  const auto pid = std::to_string(target.pid());
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"awaits", "-d", "200ms"}, {"profile", "-d", "200ms"}, {"leaks"}}) {
    INFO(command[0]);
    for (const auto& [file, status, message] :
         {std::tuple{"-", 2, "needs a file"},
          {"/no/such/folder/p.html", 1, "open /no/such/folder/p.html for writing"},
          {"/dev/full", 1, "No space left"}}) {
      std::vector<std::string> arguments{aiotrace_binary()};
      arguments.insert(arguments.end(), command.begin(), command.end());
      arguments.insert(arguments.end(), {"-p", pid, "--html", file});
      const auto outcome = run(arguments);
      CHECK(outcome.status == status);
      CHECK(lines_of(outcome.err).size() == 1);
      CHECK_THAT(outcome.err, ContainsSubstring(message));
    }
  }
}

}  // namespace
}  // namespace aiotrace::testing
