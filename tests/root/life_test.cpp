// Starts and ends: targets without a loop, targets that exit or exec, several tracers, signals, -d.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

bool is_stall(const Json& line) { return line["type"] == "stall" && line["ongoing"] == false; }

void check_ends_well(Tracer& tracer) {
  CHECK(tracer.wait() == 0);
  CHECK(schema_complaints(tracer.lines()) == std::vector<std::string>{});
}

TEST_CASE("a process without a loop: aiotrace says so, waits for one, and misses none of its stalls", "[life]") {
  Target target(any_python(), "noloop.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  CHECK(tracer.lines().front()["targets"][0]["loops"] == 0);
  tracer.wait_message("has no event loop yet");
  target.send_input();
  CHECK(target.process().wait() == 0);
  check_ends_well(tracer);
  CHECK(lines_of(tracer.err()).size() == 1);
  REQUIRE(target.records().size() == 3);
  check_stalls(target.records(), tracer.lines());
  CHECK(stalls_in(tracer.lines()).size() == 3);
  CHECK(tracer.lines().size() == 2 + 3);
}

TEST_CASE("a process whose only loop has ended is not said to have none yet", "[life]") {
  Target loop(any_python(), "loop_ends.py");
  Target none(any_python(), "noloop.py");
  loop.wait_ready();
  none.wait_ready();
  const auto pid = std::to_string(none.pid());
  Tracer tracer({"-p", std::to_string(loop.pid()), "-p", pid});
  tracer.wait_watching();
  loop.go();
  tracer.wait_message("pid " + pid + " ");
  loop.send_input();
  none.send_input();
  CHECK(loop.process().wait() == 0);
  CHECK(none.process().wait() == 0);
  check_ends_well(tracer);
  CHECK(lines_of(tracer.err()).size() == 1);
}

TEST_CASE("a target that ends while it is traced", "[life]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.process().signal(SIGTERM);
  check_ends_well(tracer);
  CHECK(tracer.err() == "");
}

TEST_CASE("a target that ends while aiotrace attaches", "[life]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  target.process().signal(SIGKILL);
  const int status = tracer.wait();
  INFO(tracer.err());
  CHECK((status == 0 || status == 1));
  CHECK(lines_of(tracer.err()).size() <= 1);
  if (status != 0) CHECK_THAT(tracer.err(), ContainsSubstring("process " + std::to_string(target.pid())));
}

TEST_CASE("a target that becomes another program: the stalls of both are reported", "[life]") {
  Target target(any_python(), "execs.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.go();
  // It is recognized while it starts, which may take any time: its loop runs only after that.
  tracer.wait_message("has no event loop yet");
  target.send_input();
  CHECK(target.process().wait() == 0);
  check_ends_well(tracer);
  CHECK(lines_of(tracer.err()).size() == 1);
  const auto before = target.records();
  const auto after = target.records(".after");
  REQUIRE(before.size() == 1);
  REQUIRE(after.size() == 3);
  check_stalls(before, tracer.lines());
  check_stalls(after, tracer.lines());
}

TEST_CASE("two aiotraces on one target: both are right", "[life]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60*2,python:100,network:60", "--own-clock"});
  target.wait_ready();
  Tracer first({"-p", std::to_string(target.pid())});
  first.wait_watching();
  Tracer second({"-p", std::to_string(target.pid())});
  second.wait_watching();
  target.go();
  target.process().wait();
  check_ends_well(first);
  check_ends_well(second);
  check_stalls(target.records(), first.lines());
  check_stalls(target.records(), second.lines());
}

TEST_CASE("two targets at once, each with its own stalls", "[life]") {
  Target first(any_python(), "faults.py", {"--faults", "sleep:60,network:60", "--own-clock"});
  Target second(any_python(), "two_loops.py", {"--count", "1", "--ms", "80"});
  first.wait_ready();
  second.wait_ready();
  Tracer tracer({"-p", std::to_string(first.pid()) + "," + std::to_string(second.pid())});
  tracer.wait_watching();
  first.go();
  first.process().wait();
  second.go();
  second.process().wait();
  check_ends_well(tracer);
  CHECK(tracer.lines().front()["targets"].size() == 2);
  check_stalls(first.records(), tracer.lines());
  check_stalls(second.records(), tracer.lines());
}

TEST_CASE("Ctrl-C: a summary, exit status 0, and the target lives on", "[life]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--folded", "FOLDED"});
  tracer.wait_watching();
  target.go();
  (void)tracer.wait_line(is_stall);
  tracer.process().signal(SIGINT);
  check_ends_well(tracer);
  CHECK(tracer.err() == "");
  CHECK(tracer.lines().back()["stalls"] == 1);
  CHECK_THAT(tracer.out(), ContainsSubstring("Watched 1 loop for "));
  CHECK_FALSE(lines_of(slurp(tracer.file("folded"))).empty());
  CHECK_FALSE(target.process().ended());
}

TEST_CASE("Ctrl-C twice: ended at once, though nobody reads the summary", "[life]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  Tracer tracer({"-p", std::to_string(target.pid()), "-q", "--folded", "FOLDED"}, {}, writer.get());
  tracer.wait_watching();
  target.go();
  (void)tracer.wait_line(is_stall);
  // Full: the summary's first line waits for a reader. The folded stacks come before it, the signal before them.
  REQUIRE(::fcntl(writer.get(), F_SETFL, O_NONBLOCK) == 0);
  const std::string filling(4096, '.');
  while (::write(writer.get(), filling.data(), filling.size()) > 0) {
  }
  while (::write(writer.get(), ".", 1) > 0) {
  }
  REQUIRE(::fcntl(writer.get(), F_SETFL, 0) == 0);
  tracer.process().signal(SIGINT);
  tracer.wait_file("folded");
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 128 + SIGINT);
}

TEST_CASE("SIGUSR1: the summary so far, and on it goes", "[life]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60", "--stay"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.go();
  (void)tracer.wait_line(is_stall);
  tracer.process().signal(SIGUSR1);
  tracer.wait_text("Cost of tracing");
  CHECK_THAT(tracer.out(), ContainsSubstring("1 stall"));
  CHECK_FALSE(tracer.process().ended());
  CHECK(tracer.lines().back()["type"] == "stall");
  tracer.process().signal(SIGTERM);
  check_ends_well(tracer);
}

TEST_CASE("SIGUSR1 with the JSON on standard output: the summary goes to standard error", "[life]") {
  Target target(any_python(), "idle.py", {"--tick", "5"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--json", "-"});
  tracer.wait_text("\"watching\"");
  tracer.process().signal(SIGUSR1);
  tracer.wait_message("Cost of tracing");
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(schema_complaints(ndjson(tracer.out())) == std::vector<std::string>{});
}

TEST_CASE("-d: ends by itself, with what it saw", "[life]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60*2", "--stay"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "-d", "800ms"});
  tracer.wait_watching();
  target.go();
  check_ends_well(tracer);
  CHECK(tracer.err() == "");
  CHECK(tracer.lines().back()["stalls"] == 2);
  CHECK(tracer.lines().back()["elapsed_ns"] >= 800'000'000);
  CHECK(tracer.lines().back()["elapsed_ns"] < 2'000'000'000);
  CHECK_FALSE(target.process().ended());
}

// `limits` are the arguments of ulimit.
Outcome watch_many_loops(const std::string& limits) {
  constexpr const char* kLoops = "30";
  Target target(any_python(), "many_loops.py", {"--count", kLoops});
  target.wait_ready();
  return run({"sh", "-c", "ulimit " + limits + " && exec \"$0\" -p \"$1\" -d 500ms --leaks off --json -",
              aiotrace_binary(), std::to_string(target.pid())});
}

TEST_CASE("a low soft limit of open files is raised", "[life]") {
  const auto outcome = watch_many_loops("-S -n 90");
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "");
  REQUIRE(!ndjson(outcome.out).empty());
  CHECK(ndjson(outcome.out).back()["loops"].size() == 30);
}

TEST_CASE("too few open files for all loops: said once, and how many were missed at the end", "[life]") {
  if (kSanitized) AIOTRACE_SKIP("a sanitizer opens files itself, and takes an object for none where it cannot");
  // Several descriptors: a clock needs two, so one may be left over.
  for (const int limit : {90, 91, 92, 93}) {
    const auto outcome = watch_many_loops("-n " + std::to_string(limit));
    INFO("limit " << limit << ", said " << outcome.err);
    CHECK(outcome.status == 0);
    const auto said = lines_of(outcome.err);
    REQUIRE(said.size() == 2);
    CHECK_THAT(said[0], ContainsSubstring("the limit of open files (" + std::to_string(limit) + ") is reached"));
    CHECK_THAT(said[0], ContainsSubstring("ulimit -n"));
    CHECK_THAT(said[1], ContainsSubstring("not traced: the limit of open files was reached"));
    CHECK(schema_complaints(ndjson(outcome.out)) == std::vector<std::string>{});
  }
}

TEST_CASE("--fail-over: exit status 4 only for a stall that long", "[life]") {
  for (const auto& [limit, status] : {std::pair{"100ms", 4}, std::pair{"10s", 0}}) {
    Target target(any_python(), "faults.py", {"--faults", "sleep:120"});
    const auto run = trace(target, {"--fail-over", limit});
    CHECK(run.status == status);
  }
}

TEST_CASE("--warn and --error: what is a stall, and what an error", "[life]") {
  // Far enough from the limits, so that a late wake-up changes nothing.
  Target target(any_python(), "faults.py", {"--faults", "sleep:20,sleep:250,sleep:650", "--own-clock"});
  const auto run = trace(target, {"--warn", "200ms", "--error", "600ms"});
  const auto stalls = stalls_in(run.lines);
  REQUIRE(stalls.size() == 2);
  CHECK(stalls[0]["level"] == "warn");
  CHECK(stalls[1]["level"] == "error");
  CHECK(run.lines.front()["warn_ns"] == 200'000'000);
  CHECK(run.lines.front()["error_ns"] == 600'000'000);
  CHECK(run.lines.back()["errors"] == 1);
}

}  // namespace
}  // namespace aiotrace::testing
