// A recording of leaks, awaits and profile reports the same as the run that made it.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

Outcome report(const std::string& recording, const std::vector<std::string>& arguments = {}) {
  std::vector<std::string> command{"setpriv",         "--reuid", "65534",  "--clear-groups",
                                   aiotrace_binary(), "report",  recording};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

// Only the caller can read it.
void check_same(const Tracer& tracer, const std::string& recording) {
  std::filesystem::permissions(recording, std::filesystem::perms(0644));
  const auto json = report(recording, {"--json", "-"});
  CHECK(json.status == 0);
  CHECK(json.err == "");
  CHECK(lines_of(json.out).size() > 2);
  CHECK(json.out == slurp(tracer.file("json")));
  const auto text = report(recording);
  CHECK(text.status == 0);
  CHECK(text.out == tracer.out());
}

// Files for viewers, which run and report write in the same way.
void check_same_files(const Tracer& tracer, const std::string& recording, const std::vector<std::string>& formats) {
  const Scratch scratch;
  for (const auto& format : formats) {
    INFO(format);
    const auto again = scratch.file("again." + format);
    CHECK(run({aiotrace_binary(), "report", recording, "--" + format, again}).status == 0);
    CHECK(slurp(again).size() > 100);
    CHECK(slurp(again) == slurp(tracer.file("live." + format)));
  }
}

bool is_scan(const Json& line) { return line["type"] == "scan"; }

FOR_FEW_PYTHONS(record_leaks, "a recording of leaks is byte for byte what the run showed", "[record][leaks]") {
  Target target(python, "leaky.py");
  (void)target.line();
  const Scratch scratch;
  Tracer tracer({"leaks", "-p", std::to_string(target.pid()), "--age", "100ms", "--record", scratch.file("r"), "--html",
                 "FILE:live.html"});
  REQUIRE(tracer.wait() == 0);
  std::size_t held = 0;
  for (const auto& line : tracer.lines()) held += line["type"] == "leak" && line["holder"].is_object() ? 1 : 0;
  CHECK(held > 0);
  check_same(tracer, scratch.file("r"));
  check_same_files(tracer, scratch.file("r"), {"html"});
  const auto pprof = report(scratch.file("r"), {"--pprof", "/dev/null"});
  CHECK(pprof.status == 2);
  CHECK_THAT(pprof.err, Catch::Matchers::ContainsSubstring("recording of aiotrace leaks"));
  CHECK(report(scratch.file("r"), {"--warn", "1s"}).status == 2);
}

TEST_CASE("a recording of leaks has their origin", "[record][leaks][origin]") {
  Target target(any_python(), "origins.py");
  REQUIRE(target.line() == "ready");
  const Scratch scratch;
  Tracer tracer({"leaks", "-p", std::to_string(target.pid()), "--origin", "--watch=200ms", "--age", "1h", "--record",
                 scratch.file("r")});
  (void)tracer.wait_line(is_scan);
  target.go();
  REQUIRE(target.line() == "done");
  (void)tracer.wait_line([](const Json& line) { return line["type"] == "leak" && line["made_by"].is_array(); });
  tracer.process().signal(SIGINT);
  REQUIRE(tracer.wait() == 0);
  check_same(tracer, scratch.file("r"));
  CHECK_THAT(report(scratch.file("r")).out, Catch::Matchers::ContainsSubstring("Origins: "));
}

FOR_FEW_PYTHONS(record_awaits, "a recording of awaits is byte for byte what the run showed", "[record][awaits]") {
  for (const bool exact : {false, true}) {
    INFO((exact ? "exactly" : "from snapshots"));
    Target target(python, "awaits.py");
    target.wait_ready();
    const Scratch scratch;
    std::vector<std::string> arguments{"awaits",
                                       "-p",
                                       std::to_string(target.pid()),
                                       "-d",
                                       "500ms",
                                       "--top",
                                       "3",
                                       "--html",
                                       "FILE:live.html",
                                       "--record",
                                       scratch.file("r")};
    if (exact) arguments.insert(arguments.end(), {"--exact", "--max-cost", "100"});
    if (!exact) {
      for (const std::string format : {"folded", "speedscope", "pprof"})
        arguments.insert(arguments.end(), {"--" + format, "FILE:live." + format});
    }
    Tracer tracer(arguments);
    REQUIRE(tracer.wait() == 0);
    check_same(tracer, scratch.file("r"));
    if (exact)
      check_same_files(tracer, scratch.file("r"), {"html"});
    else
      check_same_files(tracer, scratch.file("r"), {"html", "folded", "speedscope", "pprof"});
    CHECK(report(scratch.file("r"), {"--perfetto", "/dev/null"}).status == 2);
    target.go();
    CHECK(target.process().wait() == 0);
  }
}

FOR_FEW_PYTHONS(record_profile, "a recording of a profile is byte for byte what the run showed", "[record][profile]") {
  Target target(python, "profiled.py");
  target.wait_ready();
  const Scratch scratch;
  Tracer tracer({"profile", "-p", std::to_string(target.pid()), "--mode", "wall", "--by", "task", "--top", "4",
                 "--html", "FILE:live.html", "--folded", "FILE:live.folded", "--speedscope", "FILE:live.speedscope",
                 "--pprof", "FILE:live.pprof", "--record", scratch.file("r")});
  tracer.wait_watching();
  // At 99 samples per second it takes some time until it is seen.
  CHECK(target.line() == "long");
  target.go();
  CHECK(target.process().wait() == 0);
  REQUIRE(tracer.wait() == 0);
  check_same(tracer, scratch.file("r"));
  check_same_files(tracer, scratch.file("r"), {"html", "folded", "speedscope", "pprof"});
  const auto compared = run({aiotrace_binary(), "report", "--diff", scratch.file("r"), scratch.file("r")});
  CHECK(compared.status == 2);
  CHECK_THAT(compared.err, Catch::Matchers::ContainsSubstring("no recording of stalls"));
}

}  // namespace
}  // namespace aiotrace::testing
