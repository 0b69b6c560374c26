// Loops that are not asyncio's are named, and what cannot be answered of them ends with status 3.
#include <csignal>

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
  // One that is idle all the time has not been seen to poll, which is no proof that there is none.
  const auto idle = run({aiotrace_binary(), "-p", std::to_string(own.pid()), "-d", "300ms"});
  CHECK(idle.status == 1);
  CHECK_THAT(idle.err, Catch::Matchers::ContainsSubstring("asyncio runs one: it has not polled meanwhile"));
}

}  // namespace
}  // namespace aiotrace::testing
