// --native: whole native stacks, compared with known chains of calls in the targets.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Names = std::vector<std::string>;

/// The functions of a stack that are in `known`, in its order.
Names only(const Json& stack, const Names& known) {
  Names found;
  if (!stack.is_array()) return found;
  for (const auto& frame : stack) {
    if (!frame["function"].is_string()) continue;
    const std::string function = frame["function"];
    if (std::ranges::find(known, function) != known.end()) found.push_back(function);
  }
  return found;
}

/// The share of a stall's time with this cause whose stack has exactly this chain of the known functions.
double share(const Json& stall, const std::string& cause, const Names& chain, const Names& known) {
  double all = 0;
  double right = 0;
  for (const auto& segment : stall["segments"]) {
    if (segment["cause"] != cause) continue;
    all += segment["ns"].get<double>();
    if (only(segment["stack"], known) == chain) right += segment["ns"].get<double>();
  }
  return all == 0 ? 0 : right / all;
}

bool has_kind(const Json& stack, const char* kind) {
  return stack.is_array() && std::ranges::any_of(stack, [&](const Json& frame) { return frame["kind"] == kind; });
}

const Names kCalls{"leaf_spin", "leaf_sleep", "inner", "middle", "outer", "main", "_start"};
const Names kSpinChain{"leaf_spin", "inner", "middle", "outer", "main", "_start"};
const Names kSleepChain{"leaf_sleep", "inner", "middle", "outer", "main", "_start"};

/// calls.c compiled with these flags; empty without a compiler.
std::string compiled_calls(const Scratch& scratch, const Names& flags) {
  Names command{"cc", "-O2"};
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"-o", scratch.file("calls"), program("calls.c")});
  const auto compiled = run(command);
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  return scratch.file("calls");
}

void check_calls(const Names& flags) {
  const Scratch scratch;
  Target target(Names{compiled_calls(scratch, flags)}, {"spin:100", "sleep:100", "spin:100"});
  const auto traced = trace(target, {"--native", "--folded", "FOLDED"});
  CHECK(traced.status == 0);
  CHECK(schema_complaints(traced.lines) == std::vector<std::string>{});
  const auto stalls = stalls_in(traced.lines);
  REQUIRE(traced.records.size() == 3);
  for (const auto& record : traced.records) {
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    INFO(stall->dump());
    const bool sleeps = record["kind"] == "sleep";
    const auto& chain = sleeps ? kSleepChain : kSpinChain;
    // A sample may be directly before or after the chain.
    CHECK(share(*stall, sleeps ? "sleep" : "native", chain, kCalls) >= 0.9);
    CHECK(cause_ns(*stall, "python") == 0);
  }
  CHECK_THAT(traced.folded,
             Catch::Matchers::ContainsSubstring("middle (calls);inner (calls);leaf_spin (calls);[native]"));
  const auto& summary = traced.lines.back();
  CHECK(summary["losses"]["native-missing"] == 0);
  // The summary's places are functions too.
  const auto& places = summary["places"];
  CHECK(std::ranges::any_of(places, [](const Json& place) { return place["function"] == "leaf_spin"; }));
  CHECK(std::ranges::any_of(places, [](const Json& place) { return place["function"] == "leaf_sleep"; }));
  CHECK_THAT(traced.out, Catch::Matchers::ContainsSubstring("leaf_sleep"));
}

TEST_CASE("native stacks: a chain of calls in C without frame pointers", "[native-stacks]") {
  check_calls({"-fomit-frame-pointer"});
}

TEST_CASE("native stacks: a chain of calls in C without unwind tables", "[native-stacks]") {
  check_calls({"-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"});
}

TEST_CASE("native stacks: without --native there are none, and nothing is missing", "[native-stacks]") {
  const Scratch scratch;
  Target target(Names{compiled_calls(scratch, {})}, {"spin:100", "sleep:100"});
  const auto traced = trace(target);
  const auto stalls = stalls_in(traced.lines);
  CHECK(stalls.size() == 2);
  for (const auto& stall : stalls) {
    for (const auto& segment : stall["segments"]) CHECK(segment["stack"].is_null());
  }
  CHECK(traced.lines.back()["losses"]["native-missing"] == 0);
}

void check_hang(const std::string& kind, const std::string& cause, const Names& chain) {
  const Scratch scratch;
  Target target(Names{compiled_calls(scratch, {})}, Names{kind});
  target.wait_ready();
  Tracer tracer({"--native", "--warn", "20ms", "--error", "50ms", "-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.go();
  const auto stall = tracer.wait_line([](const Json& line) { return line["type"] == "stall" && line["ongoing"]; });
  INFO(stall.dump());
  CHECK(share(stall, cause, chain, kCalls) >= 0.9);
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
}

TEST_CASE("native stacks: a loop that hangs on a CPU shows where", "[native-stacks]") {
  check_hang("hang:0", "native", kSpinChain);
}

TEST_CASE("native stacks: a loop that hangs in a wait shows where", "[native-stacks]") {
  check_hang("sleep:3600000", "sleep", kSleepChain);
}

/// All Python functions of a stack, and the library's among them.
Names mixed_chain(const Json& stack) {
  Names found;
  if (!stack.is_array()) return found;
  for (const auto& frame : stack) {
    const auto name = frame["function"].is_string() ? frame["function"].get<std::string>() : "?";
    if (frame["kind"] == "python" || (frame["kind"] == "native" && name.starts_with("chain_"))) found.push_back(name);
  }
  return found;
}

/// The share of a cause's time whose stack equals the chain that the program recorded.
double mixed_share(const Json& stall, const std::string& cause, const Json& chain) {
  double all = 0;
  double right = 0;
  for (const auto& segment : stall["segments"]) {
    if (segment["cause"] != cause) continue;
    all += segment["ns"].get<double>();
    if (mixed_chain(segment["stack"]) == chain.get<Names>()) right += segment["ns"].get<double>();
  }
  return all == 0 ? 0 : right / all;
}

const std::map<std::string, std::string> kCauses = {
    {"sleep", "sleep"}, {"spin", "python"}, {"again", "sleep"}, {"leaf", "native"}};

std::string compiled_library(const Scratch& scratch) {
  // Without frame pointers: only the unwind tables lead through it.
  const auto compiled = run({"cc", "-O2", "-shared", "-fPIC", "-fomit-frame-pointer", "-o", scratch.file("libchain.so"),
                             program("lib/chain.c")});
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  return scratch.file("libchain.so");
}

void check_mixed(const Python& python, const Names& arguments) {
  auto ask = python.command;
  ask.insert(ask.end(), {"-c", "import ctypes"});
  if (run(ask).status != 0) AIOTRACE_SKIP("Python " + python.version + " has no ctypes");
  const Scratch scratch;
  Names all{"--library", compiled_library(scratch)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  Target target(python, "native_chain.py", all);
  const auto traced = trace(target, {"--native"});
  CHECK(traced.status == 0);
  CHECK(schema_complaints(traced.lines) == std::vector<std::string>{});
  const auto stalls = stalls_in(traced.lines);
  REQUIRE(traced.records.size() == kCauses.size());
  for (const auto& record : traced.records) {
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    INFO(record.dump());
    INFO(stall->dump());
    const auto& cause = kCauses.at(record["kind"]);
    // Debian's 3.14 and later do not name the evaluation function: only frames that the innermost frame called have a
    // known position.
    auto chain = record["chain"].get<Names>();
    const bool placed = !python.in_other_root() || python.minor() < 14;
    if (!placed)
      std::erase_if(chain, [&](const std::string& name) { return name.starts_with("chain_") && name != chain[0]; });
    if (!placed && record["kind"] == "leaf") chain = record["chain"].get<Names>();
    CHECK(mixed_share(*stall, cause, chain) >= 0.9);
    const auto* segment = segment_of(*stall, cause);
    REQUIRE(segment != nullptr);
    CHECK((has_kind((*segment)["stack"], "native") || (!placed && cause == "python")));
    CHECK((*stall)["task"]["coroutine"] == "stall");
  }
}

FOR_EACH_PYTHON(mixed, "native stacks: Python and native frames are in their true order", "[native-stacks]") {
  check_mixed(python, {});
}

AIOTRACE_TEST_CASES(mixed_uvloop) {
  for (const auto& python : environments()) {
    add_test_case("native stacks: under uvloop they are in their true order on Python " + python.title(),
                  "[native-stacks]", [&python] {
                    if (python.command.empty())
                      AIOTRACE_SKIP("an environment of Python " + python.version + ": " + python.origin);
                    auto import = python.command;
                    import.insert(import.end(), {"-c", "import uvloop"});
                    if (run(import).status != 0)
                      AIOTRACE_SKIP("the environment of Python " + python.version + " has no uvloop");
                    check_mixed(python, {"--loop", "uvloop"});
                  });
  }
}

TEST_CASE("native stacks: a Python that hung in a wait before aiotrace came shows where", "[native-stacks]") {
  const auto& python = any_python();
  const Scratch scratch;
  Target target(python, "native_chain.py", {"--library", compiled_library(scratch), "--ms", "3600000"});
  target.wait_ready();
  target.go();
  // The program reports that it hangs; the kernel reports that it sleeps in clock_nanosleep.
  const auto call = "/proc/" + std::to_string(target.pid()) + "/syscall";
  while (!slurp(call).starts_with("230 ")) REQUIRE(!target.process().ended());
  Tracer tracer({"--native", "-p", std::to_string(target.pid())});
  tracer.wait_watching();
  const auto stall = tracer.wait_line([](const Json& line) { return line["type"] == "stall" && line["ongoing"]; });
  INFO(stall.dump());
  const Names chain{"inside_sleep", "chain_middle", "chain_outer", "call_out", "plainly", "awaited", "stall"};
  CHECK(share(stall, "sleep", chain, chain) >= 0.9);
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
}

TEST_CASE("native stacks: node's functions by the map that it writes, for -p and -a", "[native-stacks]") {
  if (run({"node", "--version"}).status != 0) AIOTRACE_SKIP("node is not installed");
  const Scratch scratch;
  std::ofstream(scratch.file("spin.js")) << "const fs = require('fs');\n"
                                            "function innermost(n) { let s = 0; for (let i = 0; i < n; i++) s += "
                                            "Math.sqrt(i) * i % 7; return s; }\n"
                                            "function between(ms) { const end = Date.now() + ms; let x = 0; while "
                                            "(Date.now() < end) x += innermost(1000); return x; }\n"
                                            "setTimeout(() => fs.writeFileSync('ready', 'x'), 200);\n"
                                            "setInterval(() => between(100), 120);\n";
  const Names program{
      "sh", "-c", "cd " + scratch.path() + " && exec node --perf-basic-prof --interpreted-frames-native-stack spin.js"};
  Process node(program);
  REQUIRE(scratch.wait_until(node, [&] { return !slurp(scratch.file("ready")).empty(); }));
  const auto names_of = [](const Json& stall) {
    std::string names;
    for (const auto& segment : stall["segments"]) {
      if (segment["cause"] != "native" || !segment["stack"].is_array()) continue;
      for (const auto& frame : segment["stack"])
        names += (frame["function"].is_string() ? frame["function"].get<std::string>() : "?") + "\n";
    }
    return names;
  };
  const auto names_by = [&](const Names& arguments) {
    Tracer tracer(arguments);
    tracer.wait_watching();
    const auto stall = tracer.wait_line([&](const Json& line) {
      return line["type"] == "stall" && line["pid"] == node.pid() && cause_ns(line, "native") > 3e7;
    });
    tracer.process().signal(SIGINT);
    CHECK(tracer.wait() == 0);
    return names_of(stall);
  };
  const Names by_pid{"--native", "-p", std::to_string(node.pid())};
  for (const Names& arguments : {by_pid, Names{"--native", "-a", "--comm", "node"}}) {
    const auto names = names_by(arguments);
    INFO(names);
    // "JS:*between spin.js:3:17" in node 20, "LazyCompile:*between …" before.
    CHECK_THAT(names, Catch::Matchers::ContainsSubstring("between "));
    CHECK_THAT(names, Catch::Matchers::ContainsSubstring("uv_run\n"));
    CHECK_THAT(names, Catch::Matchers::ContainsSubstring("_start\n"));
  }
  // A file of another user is not used.
  const auto map = "/tmp/perf-" + std::to_string(node.pid()) + ".map";
  REQUIRE(chown(map.c_str(), 65534, 65534) == 0);
  const auto names = names_by(by_pid);
  INFO(names);
  CHECK_THAT(names, !Catch::Matchers::ContainsSubstring("between "));
  CHECK_THAT(names, Catch::Matchers::ContainsSubstring("uv_run\n"));
  node.signal(SIGTERM);
  node.wait();
  std::filesystem::remove(map);
}

}  // namespace
}  // namespace aiotrace::testing
