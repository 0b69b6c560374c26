#include "model/comparison.h"

#include <nlohmann/json.hpp>

#include "output/json/comparison.h"
#include "output/text/comparison.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

model::Place place(const std::string& function, std::uint64_t ns, const std::string& file = "/srv/1.0/app.py") {
  model::Place place;
  place.cause = model::Cause::sleep;
  place.syscall = "clock_nanosleep";
  place.function = function;
  place.file = file;
  place.line = 7;
  place.ns = ns;
  place.stalls = 1;
  place.max_ns = ns;
  return place;
}

model::Summary run(std::uint64_t elapsed_ns, std::vector<model::Place> places) {
  model::Summary summary;
  summary.elapsed_ns = elapsed_ns;
  summary.stalls = places.size();
  for (const auto& each : places) summary.cause_ns[model::index(each.cause)] += each.ns;
  summary.places = std::move(places);
  return summary;
}

}  // namespace

TEST_CASE("two runs: what came, went, grew and shrank, per time watched", "[comparison]") {
  // The second run is twice as long: so twice the time is no change.
  const auto before = run(10 * kSecond, {place("stays", kSecond), place("grows", kSecond), place("shrinks", kSecond),
                                         place("goes", 3 * kSecond)});
  const auto after = run(20 * kSecond, {place("stays", 2 * kSecond, "/srv/1.1/app.py"), place("grows", 5 * kSecond),
                                        place("shrinks", kSecond), place("comes", kSecond)});
  const auto comparison = model::compare(before, after);
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& each : comparison.places)
    changes.emplace_back(model::name(each.change), (each.after ? *each.after : *each.before).function);
  CHECK(changes ==
        std::vector<std::pair<std::string, std::string>>{
            {"went", "goes"}, {"grew", "grows"}, {"came", "comes"}, {"shrank", "shrinks"}, {"same", "stays"}});

  const auto lines = output::comparison_json(comparison, "a", "b");
  REQUIRE(lines.size() == 6);
  const auto first = nlohmann::json::parse(lines[0]);
  CHECK(first["type"] == "diff");
  CHECK(first["before"]["causes"]["sleep"] == 6 * kSecond);
  CHECK(first["after"]["file"] == "b");
  const auto went = nlohmann::json::parse(lines[1]);
  CHECK(went["change"] == "went");
  CHECK(went["after"].is_null());
  CHECK(went["before"]["ns"] == 3 * kSecond);

  const auto text = output::comparison_lines(comparison, "a", "b\x1b[2J", samples::context());
  std::string all;
  for (const auto& line : text) all += line + "\n";
  CHECK(all.find('\x1b') == std::string::npos);
  CHECK(all.find("1 stayed the same") != std::string::npos);
  CHECK(all.find("went") != std::string::npos);
}

TEST_CASE("two runs of nothing have no difference", "[comparison]") {
  const auto comparison = model::compare(run(0, {}), run(0, {}));
  CHECK(comparison.places.empty());
  CHECK(output::comparison_json(comparison, "a", "b").size() == 1);
}
