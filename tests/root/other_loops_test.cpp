// Loops of other libraries are named, and questions about them that cannot be answered end with status 3.
#include <algorithm>
#include <csignal>
#include <map>
#include <memory>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

Outcome run_on(const Target& target, std::vector<std::string> command) {
  command.insert(command.begin(), aiotrace_binary());
  command.insert(command.end(), {"-p", std::to_string(target.pid())});
  return run(command);
}

FOR_FEW_PYTHONS(other_loops, "loops of other libraries are named", "[tasks][leaks]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  for (const char* library : {"trio", "curio", "gevent", "eventlet", "twisted"}) {
    Target target(python, "other_loops.py", {"--library", library});
    CHECK(target.line() == "waits");
    const std::string said = "this is " + std::string(library) + " 1.2.3: its tasks are not read";
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"tasks"}, {"hang"}, {"leaks"}, {"awaits", "-d", "1s"}}) {
      INFO(library << " " << command.front());
      const auto outcome = run_on(target, command);
      CHECK(outcome.status == 3);
      CHECK_THAT(outcome.err, Catch::Matchers::ContainsSubstring(said));
      CHECK(lines_of(outcome.err).size() == 1);
    }
    const auto doctor = run_on(target, {"doctor"});
    CHECK_THAT(doctor.out, Catch::Matchers::ContainsSubstring(said));
    target.go();
  }
}

TEST_CASE("a loop of another library beside asyncio's hides no task", "[tasks]") {
  Target target(any_python(), "other_loops.py", {"--library", "trio", "--imported-only"});
  CHECK(target.line() == "waits");
  const auto outcome = run_on(target, {"tasks"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Catch::Matchers::ContainsSubstring("beside"));
}

FOR_FEW_PYTHONS(unseen_loop, "a loop of asyncio whose polls are not seen is reported as that", "[unseen]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  Target target(python, "unseen_loop.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  tracer.wait_message("runs an asyncio loop, but none of its polls was seen");
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 1);
  CHECK_THAT(tracer.err(), Catch::Matchers::ContainsSubstring("it waits by ReadSelector, now in read"));
  CHECK_THAT(tracer.err(), !Catch::Matchers::ContainsSubstring("has no event loop yet"));
  CHECK(form_complaints(tracer.lines()) == std::vector<std::string>{});
  const auto unseen = tracer.lines().back()["unseen_loops"];
  REQUIRE(unseen.size() == 1);
  CHECK(unseen[0]["pid"] == target.pid());
  CHECK(unseen[0]["tid"] == target.pid());
  CHECK(unseen[0]["thread"] == "MainThread");

  const auto doctor = run({aiotrace_binary(), "doctor", "-p", std::to_string(target.pid()), "--json", "-"});
  const auto process = ndjson(doctor.out).back();
  REQUIRE(process["loops"].size() == 1);
  CHECK(process["loops"][0]["kind"] == "asyncio");
  CHECK_THAT(process["loops"][0]["note"].get<std::string>(), Catch::Matchers::ContainsSubstring("ReadSelector"));
}

TEST_CASE("a loop that is idle for seconds is not one whose polls are not seen", "[unseen]") {
  Target epoll(any_python(), "unseen_loop.py", {"--seen", "EpollSelector"});
  Target select(any_python(), "unseen_loop.py", {"--seen", "SelectSelector"});
  Target own(any_python(), "unseen_loop.py", {"--seen", "OwnSelector"});
  for (auto* target : {&epoll, &select, &own}) target->wait_ready();
  const auto pids = std::to_string(epoll.pid()) + "," + std::to_string(select.pid()) + "," + std::to_string(own.pid());
  const auto outcome = run({aiotrace_binary(), "-p", pids, "-d", "5s", "--json", "-"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "");
  CHECK(ndjson(outcome.out).back()["unseen_loops"].empty());
  // All of them were idle in their polls at the attach, and stayed idle: they still are loops.
  const auto loops = ndjson(outcome.out).back()["loops"];
  REQUIRE(loops.size() == 3);
  for (const auto* target : {&epoll, &select, &own}) {
    const auto loop = std::ranges::find_if(loops, [&](const Json& one) { return one["pid"] == target->pid(); });
    REQUIRE(loop != loops.end());
    CHECK((*loop)["kind"] == "asyncio");
    CHECK((*loop)["iterations"] <= 1);  // it may have been on its way to the poll
  }
  // For a library whose waits are unknown, a short look is no proof that there is no hang.
  Target read(any_python(), "unseen_loop.py");
  read.wait_ready();
  const auto unseen = run({aiotrace_binary(), "-p", std::to_string(read.pid()), "-d", "300ms"});
  CHECK(unseen.status == 1);
  CHECK_THAT(unseen.err, Catch::Matchers::ContainsSubstring("asyncio runs one: it has not polled in that time"));
}

bool spins(const Json& said) { return !said["task"].is_null() || !said["callback"].is_null(); }

void check_spinning(const Json& loop, const Json& said) {
  INFO(loop.dump() << "\n" << said.dump());
  CHECK(loop["tid"] == loop["pid"]);
  CHECK(loop["iterations_per_s"] >= 1000);
  CHECK(loop["fd"] == said["fd"]);
  CHECK(loop["task"].is_null() == said["task"].is_null());
  if (!said["task"].is_null()) CHECK(loop["task"]["name"] == said["task"]);
  if (!said["line"].is_null()) CHECK(loop["line"] == said["line"]);
  if (!said["callback"].is_null())
    CHECK_THAT(loop["callback"].get<std::string>(), Catch::Matchers::EndsWith(said["callback"].get<std::string>()));
}

// The watch lasts until each spinning loop is reported; the working loop is watched for the same time.
void check_spinning(const Python& python, const std::vector<std::string>& kinds) {
  std::map<pid_t, Json> said;
  std::vector<std::unique_ptr<Target>> targets;
  std::string pids;
  for (const auto& kind : kinds) {
    auto& target = targets.emplace_back(
        std::make_unique<Target>(python, "spinning.py", std::vector<std::string>{"--kind", kind}));
    target->wait_ready();
    said[target->pid()] = Json::parse(target->line());
    pids += (pids.empty() ? "" : ",") + std::to_string(target->pid());
  }
  Tracer tracer({"-p", pids});
  tracer.wait_watching();
  for (const auto& [pid, its] : said)
    if (spins(its)) tracer.wait_message("pid " + std::to_string(pid) + " thread MainThread: the loop spins");
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(form_complaints(tracer.lines()) == std::vector<std::string>{});
  const auto spinning = tracer.lines().back()["spinning_loops"];
  CHECK(spinning.size() == 1);
  for (const auto& loop : spinning) {
    const auto& its = said.at(loop["pid"].get<pid_t>());
    REQUIRE(spins(its));
    check_spinning(loop, its);
  }
}

FOR_FEW_PYTHONS(spinning, "a loop whose task asks for its next turn at once is named with it", "[unseen]") {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  check_spinning(python, {"task"});
}

TEST_CASE("a loop that never waits is named with the callback that asks to be called again", "[unseen]") {
  check_spinning(any_python(), {"callback"});
}

TEST_CASE("a loop that never waits is named with the descriptor that is ready each time, one that works is not",
          "[unseen]") {
  check_spinning(any_python(), {"pipe", "work"});
}

}  // namespace
}  // namespace aiotrace::testing
