// `aiotrace leaks` on a program that knows its leaks.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <map>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Counts = std::map<std::pair<std::string, std::string>, std::uint64_t>;  // (class, coroutine)

/// leaky.py's own account; a dropped object has no count.
Counts said_by(const Json& said) {
  Counts counts;
  for (const auto& [leak_class, names] : said.items()) {
    for (const auto& [name, count] : names.items())
      counts[{leak_class, name}] = count.is_null() ? 0 : count.get<std::uint64_t>();
  }
  return counts;
}

/// The findings of one scan, without objects that are made to wait.
Counts found_in(const std::vector<Json>& lines, std::uint64_t scan) {
  Counts counts;
  for (const auto& line : lines) {
    if (line["type"] != "leak" || line["scan"] != scan || line["idle"] == true) continue;
    const auto count = line["count"].is_null() ? 0 : line["count"].get<std::uint64_t>();
    counts[{line["class"], line["coroutine"]}] += count;
  }
  return counts;
}

std::vector<Json> scans_in(const std::vector<Json>& lines) {
  std::vector<Json> scans;
  for (const auto& line : lines) {
    if (line["type"] == "scan") scans.push_back(line);
  }
  return scans;
}

struct Looked {
  std::vector<Json> lines;
  std::string err;
  int status = -1;
};

Looked look(const Target& target, std::vector<std::string> arguments) {
  std::vector<std::string> command{aiotrace_binary(), "leaks", "-p", std::to_string(target.pid()), "--json", "-"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto outcome = run(command);
  auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  return {std::move(lines), outcome.err, outcome.status};
}

void check_place(const std::vector<Json>& lines, const std::string& coroutine, std::size_t frames,
                 const std::string& innermost) {
  for (const auto& line : lines) {
    if (line["type"] != "leak" || line["coroutine"] != coroutine) continue;
    INFO(line.dump());
    CHECK(line["file"].get<std::string>().ends_with("/leaky.py"));
    CHECK(line["line"].get<int>() > 0);
    CHECK(line["bytes"].get<std::uint64_t>() >= 96 * line["count"].get<std::uint64_t>());
    REQUIRE(line["stack"].size() == frames);
    if (frames != 0) {
      CHECK(line["stack"][0]["function"] == innermost);
      CHECK(line["stack"][0]["line"].get<int>() > 0);
    }
    return;
  }
  FAIL("no row of " + coroutine);
}

/// The number of the program's only line that has this text.
int line_with(const std::string& name, const std::string& text) {
  int number = 0;
  const auto lines = lines_of(slurp(program(name)));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(text) != std::string::npos) number = static_cast<int>(i) + 1;
  }
  REQUIRE(number != 0);
  return number;
}

void check_one(const Python& python, const std::vector<std::string>& arguments) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "leaky.py", arguments);
  const Counts said = said_by(Json::parse(target.line()));
  REQUIRE(said.size() == 9);
  const std::string await = python.minor() >= 11 ? "Future.__await__" : "__await__";

  // One scan finds all of them, but none is known to be old.
  const auto once = look(target, {});
  CHECK(once.err == "");
  CHECK(once.status == 0);
  CHECK(found_in(once.lines, 1) == said);
  for (const auto& line : once.lines) {
    if (line["type"] != "leak" || line["class"] == "dropped") continue;
    CHECK(line["status"] == "candidate");
    CHECK(line["age_ns"].is_null());
  }
  check_place(once.lines, "never_awaited", 0, "");
  // A future written in Python has a frame of its own.
  const bool in_python = !arguments.empty() && arguments.front() == "--python-tasks";
  check_place(once.lines, "orphan", in_python ? 4 : 3, in_python ? await : "leaf");
  check_place(once.lines, "stuck", in_python ? 3 : 2, in_python ? await : "leaf");
  check_place(once.lines, "generator_left", 1, "generator_left");
  // The exception's own traceback: the task has no coroutine any more.
  check_place(once.lines, "fails", in_python ? 2 : 1, "fails");
  for (const auto& line : once.lines) {
    if (line["type"] == "leak" && line["coroutine"] == "fails")
      CHECK(line["stack"][0]["line"] == line_with("leaky.py", "raise ValueError(\"nobody asks\")"));
  }
  CHECK(once.lines.back()["type"] == "summary");

  // Two scans find the same ones, and each is a leak.
  const auto twice = look(target, {"--age", "300ms", "--fail-on-leak"});
  CHECK(twice.err == "");
  CHECK(twice.status == 4);
  CHECK(found_in(twice.lines, 2) == said);
  for (const auto& line : twice.lines) {
    if (line["type"] == "leak" && line["idle"] == false) CHECK(line["status"] == "leak");
    if (line["type"] == "leak" && line["idle"] == true) CHECK(line["status"] == "candidate");
  }
}

FOR_EACH_PYTHON(leaks, "leaks are found one by one, and nothing else", "[leaks]") { check_one(python, {}); }

FOR_EACH_PYTHON(leaks_in_python, "leaks of tasks and futures written in Python are the same", "[leaks]") {
  check_one(python, {"--python-tasks"});
}

AIOTRACE_TEST_CASES(leaks_uvloop) {
  for (const auto& python : environments()) {
    add_test_case("leaks under uvloop on Python " + python.title(), "[leaks][uvloop]", [&python] {
      if (python.command.empty()) AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
      auto import = python.command;
      import.insert(import.end(), {"-c", "import uvloop"});
      if (run(import).status != 0) AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
      check_one(python, {"--loop", "uvloop"});
    });
  }
}

bool is_part(const Counts& some, const Counts& all) {
  return std::ranges::all_of(some, [&](const auto& each) {
    const auto known = all.find(each.first);
    return known != all.end() && each.second <= known->second;
  });
}

std::uint64_t sum_of(const Counts& counts) {
  std::uint64_t sum = 0;
  for (const auto& [leak, count] : counts) sum += count;
  return sum;
}

// Objects that a scan sees for the first time and cannot confirm, because the program got no CPU between its looks, are
// left out and counted. Known objects stay.
void check_scans(const std::vector<Json>& lines, const Counts& said) {
  bool whole = false;
  for (const auto& scan : scans_in(lines)) {
    INFO(scan.dump());
    const auto found = found_in(lines, scan["number"]);
    whole = whole || found == said;
    if (whole) {
      CHECK(found == said);
    } else {
      CHECK(is_part(found, said));
      CHECK(scan["losses"]["unconfirmed"].get<std::uint64_t>() + sum_of(found) >= sum_of(said));
    }
  }
  CHECK(whole);
}

FOR_FEW_PYTHONS(leaks_churn, "a program that churns: every leak in every scan, none invented", "[leaks]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "leaky.py", {"--churn", "4"});
  const Counts said = said_by(Json::parse(target.line()));
  const auto looked = look(target, {"--watch=50ms", "--age", "200ms", "-d", "3s"});
  CHECK(looked.status == 0);
  CHECK(looked.err == "");
  CHECK(scans_in(looked.lines).size() >= 3);
  check_scans(looked.lines, said);
}

TEST_CASE("leaks beside stalls: rows and a part of the summary", "[leaks]") {
  Target target(any_python(), "leaky.py");
  const Counts said = said_by(Json::parse(target.line()));
  const bool soon = GENERATE(true, false);
  INFO("ended at once: " << soon);
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  // A short run looks for leaks at its end.
  if (!soon) tracer.wait_line([](const Json& line) { return line["type"] == "scan"; });
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  const auto lines = tracer.lines();
  CHECK(scans_in(lines).size() == 1);
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  CHECK(found_in(lines, 1) == said);
  CHECK(lines.back()["type"] == "summary");
  CHECK(lines.back()["leaks"]["leaks"]["dropped"] == 1);
  CHECK(lines.back()["leaks"]["candidates"]["stuck"] == said.at({"stuck", "stuck"}));
  CHECK_THAT(tracer.out(), Catch::Matchers::ContainsSubstring("\nLeaks\n"));
  CHECK_THAT(tracer.out(), Catch::Matchers::ContainsSubstring("50 × never_awaited"));
}

TEST_CASE("a run that is too short to know says what may become a leak", "[leaks]") {
  Target target(any_python(), "waiting.py");
  const auto said = Json::parse(target.line());
  int stuck = 0;
  for (const auto& [name, count] : said["stuck"].items()) stuck += count.get<int>();
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "300ms"});
  CHECK(tracer.wait() == 0);
  const auto lines = tracer.lines();
  const auto& summary = lines.back();
  const auto rows = std::ranges::count_if(lines, [](const Json& line) {
    return line["type"] == "leak" && line["idle"] == false;
  });
  CHECK(summary["leaks"]["age_ns"] == 60'000'000'000);
  CHECK(summary["leaks"]["leaks"]["stuck"] == 0);
  CHECK(summary["leaks"]["candidates"]["stuck"] == stuck);
  CHECK(summary["leaks"]["not_judged"] == said["not judged"]);
  const auto text = "\nLeaks: none older than 60 s; " + std::to_string(stuck) +
                    " candidates: stuck, younger than 60 s; " + said["not judged"].dump() + " not judged\n";
  CHECK_THAT(tracer.out(), Catch::Matchers::ContainsSubstring(text));
  CHECK_THAT(tracer.out(), Catch::Matchers::ContainsSubstring("… " + std::to_string(rows - 3) + " more"));
  target.go();
}

TEST_CASE("a healthy program has no leaks, without a candidate", "[leaks]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "300ms"});
  CHECK(tracer.wait() == 0);
  CHECK_THAT(tracer.out(), Catch::Matchers::ContainsSubstring("\nLeaks: none\n"));
  CHECK(tracer.lines().back()["leaks"]["candidates"]["stuck"] == 0);
}

TEST_CASE("leaks beside stalls can be left out", "[leaks]") {
  Target target(any_python(), "leaky.py");
  CHECK(!target.line().empty());
  Tracer tracer({"-p", std::to_string(target.pid()), "--leaks", "off", "-d", "300ms"});
  CHECK(tracer.wait() == 0);
  CHECK(scans_in(tracer.lines()).empty());
  CHECK_THAT(tracer.out(), !Catch::Matchers::ContainsSubstring("Leaks"));
}

TEST_CASE("leaks: what a user gets wrong", "[leaks][usage]") {
  const auto check = [](std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), {aiotrace_binary(), "leaks"});
    const auto outcome = run(arguments);
    INFO(outcome.err);
    CHECK(outcome.status == status);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(outcome.out == "");
  };
  check({}, 2);
  check({"-p", "0"}, 2);
  check({"-p", "-4"}, 2);
  check({"-p", "1", "--age", "soon"}, 2);
  check({"-p", "1", "--watch=0s"}, 2);
  check({"-p", "1", "-d", "3s"}, 2);
  check({"-p", "2147483647"}, 1);
  Process no_python({"sleep", "1000"});
  check({"-p", std::to_string(no_python.pid())}, 3);
}

TEST_CASE("leaks of a program that ends while it is watched", "[leaks]") {
  Target target(any_python(), "leaky.py");
  CHECK(!target.line().empty());
  const auto out = Scratch();
  Process tracer({aiotrace_binary(), "leaks", "-p", std::to_string(target.pid()), "--watch=100ms", "-q", "--json",
                  out.file("json")});
  CHECK(out.wait_until(tracer, [&] { return slurp(out.file("json")).find("\"scan\"") != std::string::npos; }));
  target.process().signal(SIGKILL);
  CHECK(tracer.wait() == 0);
  CHECK(ndjson(slurp(out.file("json"))).back()["type"] == "summary");
}

}  // namespace
}  // namespace aiotrace::testing
