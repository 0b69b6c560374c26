// The pages of a comparison and of the commands: their contents, hostile names, limits, and a real browser.
#include <cmath>
#include <nlohmann/json.hpp>

#include "output/page/page.h"
#include "tests/catch.h"
#include "tests/unit/pages_samples.h"
#include "tests/unit/readers.h"

using namespace aiotrace;
using Catch::Matchers::ContainsSubstring;
using model::ProfileMode;
using nlohmann::json;
using samples::data_of;
using samples::kMs;

namespace {

json data(const std::string& page) { return json::parse(data_of(page)); }

// The node of the flame graph that has this function; null if there is none.
json node_of(const json& page, const std::string& function) {
  for (const auto& node : page["flame"]["nodes"]) {
    if (node[0] != -1 && page["strings"][page["frames"][node[1].get<std::size_t>()][1].get<std::size_t>()] == function)
      return node;
  }
  return nullptr;
}

std::vector<std::pair<std::string, std::string>> pages(const samples::Named& name) {
  std::vector<std::pair<std::string, std::string>> all{{"comparison", samples::compared(name).page()},
                                                       {"awaits", samples::awaits_page(name)},
                                                       {"exact awaits", samples::exact_awaits_page(name)},
                                                       {"leaks", samples::leaks_page(name)}};
  for (const auto mode : {ProfileMode::cpu, ProfileMode::off_cpu, ProfileMode::wall, ProfileMode::gil})
    all.emplace_back("profile " + std::string(model::name(mode)), samples::profile_page(mode, name));
  return all;
}

std::size_t scripts(const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find("<script"); at != std::string::npos; at = text.find("<script", at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("two runs' stacks: width is the run after, of what is gone the run before", "[pages]") {
  const auto page = data(samples::compared().page());
  CHECK(page["before"]["file"] == "before.aiorec");
  CHECK(page["after"]["elapsed_us"] == 20'000'000);
  // before and after in microseconds, unchanged; the width of a gone place is scaled to the same watched time.
  const auto check = [&](const std::string& function, std::uint64_t width_ms, double before, double after) {
    INFO(function);
    const auto node = node_of(page, function);
    REQUIRE_FALSE(node.is_null());
    CHECK(node[2] == width_ms * kMs);
    CHECK(node[3] == before * 1000);
    CHECK(node[4] == after * 1000);
  };
  check("gone", 800, 400, 0);
  check("new", 500, 0, 500);
  check("slower", 1'800, 300, 1'800);
  check("same", 400, 200, 400);
  // Its parent has all of them: releases are in different directories.
  check("handle", 3'900, 1'700, 3'100);
  std::map<std::string, std::string> changes;
  for (const auto& place : page["places"]) changes[place["function"]] = place["change"];
  CHECK(changes == std::map<std::string, std::string>{
                       {"gone", "went"}, {"new", "came"}, {"slower", "grew"}, {"faster", "shrank"}, {"same", "same"}});
}

TEST_CASE("stacks that are the same but for directory and line are one", "[pages]") {
  const auto stacks = [](const std::string& file, std::uint32_t line, std::uint64_t weight) {
    model::WeightedStacks made("stalled", "segments", model::WeightedStacks::Unit::nanoseconds);
    made.add(std::vector{model::weighted_frame(samples::python("f", file, line)), model::mark_frame("sleep")}, weight,
             1);
    return made;
  };
  const auto same = model::compare_stacks(stacks("/srv/1/a.py", 3, 5), 10, stacks("/srv/2/a.py", 4, 7), 10);
  REQUIRE(same.stacks.stacks().size() == 1);
  CHECK(same.before == std::vector<std::uint64_t>{5});
  CHECK(same.after == std::vector<std::uint64_t>{7});
  CHECK(same.stacks.frames()[0].file == "/srv/2/a.py");
  CHECK(same.stacks.frames()[0].line == 0);
  const auto other = model::compare_stacks(stacks("/srv/1/a.py", 3, 5), 10, stacks("/srv/1/b.py", 3, 7), 20);
  CHECK(other.stacks.stacks().size() == 2);
  CHECK(other.stacks.total() == 7 + 10);
  // A recording may claim that no time passed, and any amount of stalled time.
  CHECK(model::compare_stacks(stacks("a", 1, 5), 0, stacks("b", 1, 7), 0).stacks.total() == 12);
  CHECK(model::compare_stacks(stacks("a", 1, ~0ULL), 1, stacks("b", 1, 7), ~0ULL).stacks.stacks().size() == 2);
}

TEST_CASE("a page of awaits has the sites as they are reported", "[pages]") {
  const auto page = data(samples::awaits_page());
  CHECK(page["title"] == "python3 (pid 1234)");
  REQUIRE(page["sites"].size() == 12);
  CHECK(page["sites"][0]["function"] == "fetch_0");
  CHECK(page["sites"][0]["us"] == 12'000'000);
  CHECK(page["sites"][0]["estimate"] == true);
  CHECK(page["waited_us"] == 78'000'000);
  CHECK(page["start_ms"] == 1'793'880'202'123);
  CHECK(node_of(page, "fetch_0")[2] == 12'000 * kMs);
  CHECK_THAT(page["notes"].dump(), ContainsSubstring("while they were read 3"));
}

TEST_CASE("a page of exact awaits has percentiles and delays, as they are reported", "[pages]") {
  const auto page = data(samples::exact_awaits_page());
  REQUIRE(page["sites"].size() == 9);
  CHECK(page["sites"][0]["function"] == "fetch_0");
  CHECK(page["sites"][0]["count"] == 100);
  CHECK(page["sites"][0]["us"] == 900'000);
  CHECK(page["sites"][0]["max_us"] == 9'000);
  CHECK(page["slow_sites"] == 2);
  REQUIRE(page["delays"].size() == 2);
  CHECK(page["delays"][0]["tasks"] == "worker-*");
  CHECK_THAT(page["notes"].dump(), ContainsSubstring("2 awaits were not counted: too many places"));
}

TEST_CASE("a page of a profile: functions, waits, idle time", "[pages]") {
  const auto wall = data(samples::profile_page(ProfileMode::wall));
  CHECK(wall["idle_us"] == 4'000'000);
  CHECK(wall["waits"].size() == 3);
  CHECK(wall["waits"][0]["what"] == "recvfrom → tcp 10.0.0.5:443");
  CHECK(wall["waits"][0]["us"] == 900'000);
  CHECK(wall["functions"].size() == 14);
  const auto cpu = data(samples::profile_page(ProfileMode::cpu));
  CHECK(cpu["waits"].empty());
  CHECK(cpu["functions"].size() == 11);
  const auto gil = data(samples::profile_page(ProfileMode::gil));
  REQUIRE(gil["waits"].size() == 1);
  CHECK(gil["waits"][0]["what"] == "worker in crunch");
  CHECK(gil["waits"][0]["thread"] == "MainThread");
  REQUIRE(gil["holders"].size() == 1);
  CHECK(gil["holders"][0]["us"] == gil["held_us"]);
}

TEST_CASE("a page of leaks: each place with its course over the scans", "[pages]") {
  const auto page = data(samples::leaks_page());
  REQUIRE(page["places"].size() == 9);
  const auto& first = page["places"][0];
  CHECK(first["coroutine"] == "worker_0");
  CHECK(first["leaks"] == 60);
  CHECK(first["growth"] == 30.0);
  REQUIRE(first["points"].size() == 12);
  CHECK(first["points"][0] == json::array({1, 5, 3'500}));
  CHECK(first["points"][11] == json::array({12, 60, 42'000}));
  const auto& last = page["places"][8];
  CHECK(last["gone"] == true);
  CHECK(last["coroutine"] == "worker_1");
  CHECK(last["points"].size() == 6);
  CHECK(page["scans"].size() == 12);
}

TEST_CASE("leaks over very many scans: thinned, the first and the last are kept", "[pages]") {
  model::LeakHistory history;
  model::Leak leak;
  leak.pid = 7;
  for (std::uint64_t number = 1; number <= 1'000; ++number) {
    leak.count = number;
    leak.scan = number;
    history.add({.number = number, .pid = 7}, {leak});
    REQUIRE(history.scans().size() <= model::LeakHistory::kMaxScans);
    REQUIRE(history.scans().back().scan.number == number);
  }
  CHECK(history.thinned());
  const auto courses = history.courses();
  REQUIRE(courses.size() == 1);
  const auto& points = courses[0].points;
  CHECK(points.size() == history.scans().size());
  CHECK(points.size() >= model::LeakHistory::kMaxScans / 2 - 1);
  CHECK(points.front().scan <= 16);
  CHECK(points.back() == model::LeakPoint{.scan = 1'000, .count = 1'000, .bytes = 0});
  CHECK(std::ranges::is_sorted(points, {}, &model::LeakPoint::scan));
}

TEST_CASE("hostile names stay inside the data of every page", "[pages]") {
  const auto harmless = pages(samples::harmless);
  const auto hostile = pages(samples::hostile);
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    INFO(hostile[i].first);
    const auto& page = hostile[i].second;
    CHECK(scripts(page) == scripts(harmless[i].second));
    CHECK(data_of(page).find('<') == std::string::npos);
    CHECK(page.ends_with("</html>\n"));
    const auto text = data(page).dump();
    CHECK_THAT(text, ContainsSubstring("</script><script>window.hacked"));
    CHECK_THAT(text, ContainsSubstring("\ufffd"));
  }
}

TEST_CASE("every page has at most a megabyte, and says what it left out", "[pages]") {
  constexpr std::size_t kMany = 6'000;
  const auto check = [](const std::string& page) {
    CHECK(page.size() <= output::kMaxPageBytes);
    CHECK(page.size() > 150'000);
    CHECK_THAT(data(page)["notes"].dump(), ContainsSubstring("left out"));
  };
  for (const auto& name : {samples::Named(samples::harmless), samples::Named(samples::huge)}) {
    check(samples::awaits_page(name, kMany));
    check(samples::exact_awaits_page(name, kMany));
    check(samples::profile_page(ProfileMode::wall, name, kMany));
    check(samples::leaks_page(name, 30, 1'900));
  }
  auto compared = samples::compared(samples::huge);
  const auto place = compared.comparison.places.front();
  for (std::size_t i = 0; i < kMany; ++i) compared.comparison.places.push_back(place);
  check(compared.page());
}

TEST_CASE("pages of nothing", "[pages][browser]") {
  const model::WeightedStacks none("waited", "awaits", model::WeightedStacks::Unit::nanoseconds);
  const auto comparison = output::comparison_page({}, model::compare_stacks(none, 0, none, 0), "a", "b");
  CHECK(data(comparison)["places"].empty());
  CHECK(data(comparison)["flame"]["nodes"].size() == 1);
  model::ProfileReport gil;
  gil.head.mode = ProfileMode::gil;
  const auto context = samples::context();
  for (const auto& page : {comparison, output::awaits_page("x", {}, none, {}, context),
                           output::exact_awaits_page("x", {}, {}, {}, context), output::profile_page({}, none, context),
                           output::profile_page(gil, none, context), output::leaks_page("x", {}, {}, 0, 0, context)})
    samples::check_in_browser(page, "nothing");
}

TEST_CASE("a browser shows every page: clicks, sorting, search, zoom, no console error, no request",
          "[pages][browser]") {
  for (const auto& [name, page] : pages(samples::harmless)) {
    INFO(name);
    samples::check_in_browser(page, name);
  }
}

TEST_CASE("a browser shows hostile names on every page as what they are", "[pages][browser]") {
  for (const auto& [name, page] : pages(samples::hostile)) {
    INFO(name);
    samples::check_in_browser(page, "hostile " + name);
  }
}
