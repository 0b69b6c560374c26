// A recording tells the same as the run that made it; doctor says what works for a process.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

std::vector<std::string> report(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"setpriv", "--reuid", "65534", "--clear-groups", aiotrace_binary(), "report"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

TEST_CASE("a recording tells byte for byte what the run told, without privilege", "[record]") {
  Target target(any_python(), "faults.py", {"--faults", "sleep:60*5"});
  const Scratch scratch;
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--folded", "FOLDED", "--record", scratch.file("r"), "--html",
                 "FILE:live.html", "--perfetto", "FILE:live.perfetto", "--speedscope", "FILE:live.speedscope",
                 "--pprof", "FILE:live.pprof"});
  tracer.wait_watching();
  target.go();
  target.process().wait();
  CHECK(tracer.wait() == 0);
  const auto json = run(report({scratch.file("r"), "--json", "-"}));
  CHECK(json.status == 0);
  CHECK(lines_of(json.out).size() > 5);
  CHECK(json.out == slurp(tracer.file("json")));
  const auto text = run(report({scratch.file("r")}));
  CHECK(text.out == tracer.out());
  CHECK(run({"setpriv", "--reuid", "65534", "--clear-groups", aiotrace_binary(), "report", scratch.file("r"),
             "--folded", "/dev/stderr"})
            .err == slurp(tracer.file("folded")));

  // The files for viewers too: what they show was recorded.
  for (const std::string format : {"html", "perfetto", "speedscope", "pprof"}) {
    INFO(format);
    const auto again = scratch.file("again." + format);
    CHECK(run({aiotrace_binary(), "report", scratch.file("r"), "--" + format, again}).status == 0);
    CHECK(slurp(again).size() > 100);
    CHECK(slurp(again) == slurp(tracer.file("live." + format)));
  }

  // Cut off: what is there is told, the summary too, and the end is missed.
  const auto bytes = slurp(scratch.file("r"));
  std::ofstream(scratch.file("cut"), std::ios::binary) << bytes.substr(0, bytes.size() * 2 / 3);
  const auto cut = run(report({scratch.file("cut"), "--json", "-"}));
  CHECK(cut.status == 1);
  CHECK_THAT(cut.err, ContainsSubstring("its end is missing"));
  const auto lines = ndjson(cut.out);
  CHECK(lines.size() > 2);
  CHECK(lines.back()["type"] == "summary");

  const auto same = run(report({"--diff", scratch.file("r"), scratch.file("r"), "--json", "-"}));
  CHECK(same.status == 0);
  for (const auto& line : ndjson(same.out)) {
    if (line["type"] == "place") CHECK(line["change"] == "same");
  }
}

TEST_CASE("report: what cannot be read or asked for is one line", "[record]") {
  const Scratch scratch;
  std::ofstream(scratch.file("text")) << "not a recording\n";
  for (const auto& [arguments, status] :
       std::vector<std::pair<std::vector<std::string>, int>>{{{scratch.file("text")}, 1},
                                                             {{scratch.file("none")}, 1},
                                                             {{}, 2},
                                                             {{"--diff", scratch.file("text")}, 2},
                                                             {{scratch.file("text"), "--warn", "soon"}, 2}}) {
    const auto outcome = run(report(arguments));
    CHECK(outcome.status == status);
    CHECK(outcome.out == "");
    CHECK(lines_of(outcome.err).size() == 1);
  }
}

FOR_EACH_PYTHON(doctor_python, "doctor knows the interpreter and its loop", "[doctor]") {
  Target target(python, "idle.py");
  target.wait_ready();
  const auto outcome = run({aiotrace_binary(), "doctor", "-p", std::to_string(target.pid()), "--json", "-"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "");
  const auto lines = ndjson(outcome.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["type"] == "host");
  for (const auto& command : lines[0]["commands"]) CHECK(command["works"] == true);
  const auto& process = lines[1];
  CHECK(process["type"] == "process");
  CHECK(process["pid"] == target.pid());
  CHECK(process["python"]["version"] == python.version);
  CHECK(process["python"]["supported"] == true);
  CHECK(process["python"]["gil"] == python.has_gil());
  CHECK(process["python"]["free_threaded"] == !python.has_gil());
  CHECK(process["python"]["debug"] == false);
  CHECK(process["python"]["stripped"].is_boolean());
  REQUIRE(process["loops"].size() == 1);
  CHECK(process["loops"][0]["kind"] == "asyncio");
  CHECK(process["loops"][0]["tid"] == target.pid());
  CHECK(process["causes"].size() == 15);
  for (const auto& cause : process["causes"]) CHECK(cause["works"] == (cause["name"] != "gil" || python.has_gil()));
}

TEST_CASE("doctor says why and what to do", "[doctor]") {
  Process plain({"sleep", "100"}, {});
  const auto outcome = run({aiotrace_binary(), "doctor", "-p", std::to_string(plain.pid()), "--json", "-"});
  CHECK(outcome.status == 0);
  const auto lines = ndjson(outcome.out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["python"].is_null());
  CHECK(lines[1]["no_python"] == "it runs no CPython");
  for (const auto& cause : lines[1]["causes"]) {
    const bool of_python = cause["name"] == "python" || cause["name"] == "gc" || cause["name"] == "gil";
    CHECK(cause["works"] == !of_python);
    if (of_python) CHECK(cause["remedy"].is_string());
  }

  const Scratch scratch;
  const auto copy = scratch.file("aiotrace");
  REQUIRE(run({"cp", "--no-preserve=all", aiotrace_binary(), copy}).status == 0);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  const auto nobody = run({"setpriv", "--reuid", "65534", "--clear-groups", copy, "doctor", "--json", "-"});
  CHECK(nobody.status == 3);
  const auto host = ndjson(nobody.out);
  REQUIRE(host.size() == 1);
  for (const auto& command : host[0]["commands"]) {
    CHECK(command["works"] == (command["name"] == "report" || command["name"] == "doctor"));
    if (command["name"] == "watch") CHECK_THAT(command["reason"].get<std::string>(), ContainsSubstring("CAP_BPF"));
  }
  CHECK(run({aiotrace_binary(), "doctor", "-p", "0"}).status == 2);
  CHECK(run({aiotrace_binary(), "doctor", "-p", "99999999"}).status == 1);
}

}  // namespace
}  // namespace aiotrace::testing
