// A recording shows the same as its run; doctor reports what works for a process.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

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

TEST_CASE("a recording is byte for byte what the run showed, without privilege", "[record]") {
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
  // Only the caller can read it.
  std::filesystem::permissions(scratch.file("r"), std::filesystem::perms(0644));
  const auto json = run(report({scratch.file("r"), "--json", "-"}));
  CHECK(json.status == 0);
  CHECK(lines_of(json.out).size() > 5);
  CHECK(json.out == slurp(tracer.file("json")));
  const auto text = run(report({scratch.file("r")}));
  CHECK(text.out == tracer.out());
  CHECK(run({"setpriv", "--reuid", "65534", "--clear-groups", aiotrace_binary(), "report", scratch.file("r"),
             "--folded", "/dev/stderr"})
            .err == slurp(tracer.file("folded")));

  // The files for viewers too: their data was recorded.
  for (const std::string format : {"html", "perfetto", "speedscope", "pprof"}) {
    INFO(format);
    const auto again = scratch.file("again." + format);
    CHECK(run({aiotrace_binary(), "report", scratch.file("r"), "--" + format, again}).status == 0);
    CHECK(slurp(again).size() > 100);
    CHECK(slurp(again) == slurp(tracer.file("live." + format)));
  }

  // Cut off: the existing part and the summary are reported, and the missing end too.
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
  const auto compared = ndjson(same.out);
  CHECK(form_complaints(compared) == std::vector<std::string>{});
  for (const auto& line : compared) {
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
  CHECK(form_complaints(lines) == std::vector<std::string>{});
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
  CHECK(form_complaints(lines) == std::vector<std::string>{});
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
    const bool probes = command["name"] == "watch" || command["name"] == "profile";
    const bool files = command["name"] == "report" || command["name"] == "doctor";
    // Reading the memory of own processes needs no privilege, unless Yama forbids it.
    if (probes || files) CHECK(command["works"] == files);
    if (command["name"] == "watch") CHECK_THAT(command["reason"].get<std::string>(), ContainsSubstring("CAP_BPF"));
  }
  CHECK(run({aiotrace_binary(), "doctor", "-p", "0"}).status == 2);
  CHECK(run({aiotrace_binary(), "doctor", "-p", "99999999"}).status == 1);
}

TEST_CASE("doctor as a plain user: the tasks, leaks and awaits of own processes can be seen", "[doctor]") {
  std::ifstream scope("/proc/sys/kernel/yama/ptrace_scope");
  if (scope && scope.get() != '0') AIOTRACE_SKIP("kernel.yama.ptrace_scope forbids it to plain users");
  if (!std::filesystem::exists("/usr/bin/python3")) AIOTRACE_SKIP("no /usr/bin/python3");
  const Scratch scratch;
  const auto copy = scratch.file("aiotrace");
  REQUIRE(run({"cp", "--no-preserve=all", aiotrace_binary(), copy}).status == 0);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  Fifo ready(scratch.file("ready"));
  std::filesystem::permissions(scratch.file("ready"), std::filesystem::perms(0666));
  const auto as_nobody = [](std::vector<std::string> command) {
    command.insert(command.begin(), {"setpriv", "--reuid", "65534", "--clear-groups"});
    return command;
  };
  Process own(as_nobody({"/usr/bin/python3", "-c",
                         "import asyncio, sys\n"
                         "async def main():\n"
                         "    with open(sys.argv[1], 'w') as ready: ready.write('ready\\n')\n"
                         "    await asyncio.sleep(1000)\n"
                         "asyncio.run(main())\n",
                         scratch.file("ready")}));
  REQUIRE(ready.line(own) == "ready");
  Process other({"sleep", "1000"});  // of root
  const auto outcome = run(
      as_nobody({copy, "doctor", "-p", std::to_string(own.pid()) + "," + std::to_string(other.pid()), "--json", "-"}));
  CHECK(outcome.status == 3);
  const auto lines = ndjson(outcome.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1]["python"]["supported"] == true);
  const std::set<std::string> work{"tasks", "hang", "leaks", "awaits"};
  for (const auto& command : lines[1]["commands"]) {
    INFO(command);
    CHECK(command["works"] == work.contains(command["name"].get<std::string>()));
  }
  for (const auto& command : lines[2]["commands"]) {
    INFO(command);
    CHECK(command["works"] == false);
  }
  CHECK(run(as_nobody({copy, "tasks", "-p", std::to_string(own.pid())})).status == 0);
}

}  // namespace
}  // namespace aiotrace::testing
