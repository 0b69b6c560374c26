// Programs that are difficult for a tracer: several loops, deep stacks, hostile names, stalls at the start and at the
// end.
#include <signal.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

void check_documented(const Run& run) {
  CHECK(run.status == 0);
  CHECK(run.err == "");
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
}

FOR_FEW_PYTHONS(two_loops, "two loops in two threads, each with its own stalls", "[loops]") {
  Target target(python, "two_loops.py", {"--count", "2", "--ms", "80"});
  const auto run = trace(target);
  check_documented(run);
  check_stalls(run.records, run.lines);
  std::set<std::string> threads;
  for (const auto& loop : run.lines.back()["loops"]) threads.insert(loop["thread"]);
  CHECK(threads == std::set<std::string>{"loop-1", "loop-2"});
}

FOR_FEW_PYTHONS(no_loop_in_main, "a main thread that runs no loop but waits for other threads has no stalls",
                "[loops]") {
  Target target(python, "two_loops.py", {"--count", "2", "--ms", "80"});
  const auto run = trace(target);
  for (const auto& stall : stalls_in(run.lines)) {
    INFO(stall.dump());
    CHECK(stall["thread"] != "MainThread");
  }
  // The stalls of the two loops; one more if a new thread has to wait for a CPU.
  for (const auto& record : run.records) CHECK(stall_of(record, stalls_in(run.lines)) != nullptr);
  CHECK(run.records.size() == 4);
}

bool has_frame(const Json& stack, const std::string& function) {
  return stack.is_array() &&
         std::ranges::any_of(stack, [&](const Json& frame) { return frame["function"] == function; });
}

void check_subinterpreter(const Python& python, const std::string& where, const std::string& thread) {
  if (!python.has_gil()) AIOTRACE_SKIP("this Python has no GIL");
  if (python.minor() < 12) AIOTRACE_SKIP("subinterpreters of this Python share one GIL");
  constexpr std::size_t kStalls = 3;
  Target target(python, "subinterpreters.py", {"--where", where, "--count", std::to_string(kStalls)});
  const auto run = trace(target);
  check_documented(run);
  const auto stalls = stalls_in(run.lines);
  CHECK(stalls.size() >= kStalls);
  for (const auto& stall : stalls) {
    INFO(stall.dump());
    CHECK(stall["thread"] == thread);
    double held = 0;
    for (const auto& segment : stall["segments"]) {
      CHECK_FALSE(has_frame(segment["stack"], "spin_in_sub"));
      if (segment["cause"] != "gil" || segment["culprit"].is_null()) continue;
      CHECK(segment["culprit"]["thread"] == "gil-holder");
      // It also holds it before and after that.
      if (has_frame(segment["culprit"]["stack"], "hold_gil")) held += segment["ns"].get<double>();
    }
    CHECK(held >= 0.5 * cause_ns(stall, "gil"));
    CHECK(cause_ns(stall, "gil") >= 0.2 * stall["duration_ns"].get<double>());
    CHECK(std::ranges::any_of(stall["segments"],
                              [](const Json& each) { return has_frame(each["stack"], "join_holder"); }));
  }
}

FOR_EACH_PYTHON(beside_subinterpreter, "a subinterpreter with a GIL of its own is not to blame", "[subinterpreters]") {
  check_subinterpreter(python, "main", "MainThread");
}

FOR_EACH_PYTHON(in_subinterpreter, "a loop in a subinterpreter waits for that one's GIL", "[subinterpreters]") {
  check_subinterpreter(python, "sub", "loop-thread");
}

TEST_CASE("a fault without an address, in the iteration before, takes no task from a stall", "[loops]") {
  Target target(any_python(), "mappings.py");
  const auto run = trace(target);
  check_documented(run);
  REQUIRE(run.records.size() == 60);
  check_stalls(run.records, run.lines);
}

FOR_EACH_PYTHON(deep, "a stack of 200 frames is whole", "[stack]") {
  Target target(python, "deep.py", {"--depth", "200", "--ms", "100"});
  const auto run = trace(target);
  check_documented(run);
  check_stalls(run.records, run.lines);
  for (const auto& record : run.records) CHECK(record["stack"].size() > 200);
  CHECK(run.lines.back()["losses"]["stack-too-deep"] == 0);
}

FOR_FEW_PYTHONS(too_deep, "a stack of more than 256 frames is cut, said so and counted", "[stack]") {
  Target target(python, "deep.py", {"--depth", "300", "--ms", "100"});
  const auto run = trace(target, {"--folded", "FOLDED"});
  check_documented(run);
  CHECK(run.lines.back()["losses"]["stack-too-deep"] > 0);
  const auto stalls = stalls_in(run.lines);
  for (const auto& record : run.records) {
    const auto* stall = stall_of(record, stalls);
    REQUIRE(stall != nullptr);
    const auto* segment = segment_of(*stall, record["expected_cause"]);
    REQUIRE(segment != nullptr);
    CHECK((*segment)["stack_cut"] == "too-deep");
    REQUIRE((*segment)["stack"].size() == 256);
    CHECK((*segment)["stack"][0]["line"] == record["line"]);
  }
  CHECK(run.out.find("stack-too-deep 0") == std::string::npos);
  CHECK(run.folded.find("[too deep];") != std::string::npos);
}

// Every control character but the line's end, of one byte or (U+0080 to U+009F, the bidirectional ones) of several.
std::string control_characters(const std::string& text) {
  std::string found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((c < 0x20 && c != '\n') || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0)) found += text.substr(i, 8);
  }
  for (const char* bidi : {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2028", "\u2029"}) {
    if (text.find(bidi) != std::string::npos) found += bidi;
  }
  return found;
}

FOR_FEW_PYTHONS(names, "names in other scripts, with escapes, semicolons and newlines", "[names]") {
  Target target(python, "names.py",
                {"--ms", "60", "--only",
                 "latin1,bmp,astral,semicolon,escape,newline,quote,c1,bidi,surrogate,nul,empty"});
  const auto run = trace(target, {"--folded", "FOLDED", "-v"});
  CHECK(run.status == 0);
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  REQUIRE(run.records.size() == 12);
  check_stalls(run.records, run.lines);
  CHECK(control_characters(run.out) == "");
  CHECK(control_characters(run.err) == "");
  CHECK(control_characters(run.folded) == "");
  for (const auto& line : lines_of(run.folded)) {
    INFO(line);
    // Frames and the weight; tools use the last word.
    const auto space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    CHECK(line.substr(space + 1).find_first_not_of("0123456789") == std::string::npos);
    CHECK(std::ranges::count(line, ';') < 64);
    // The cause, perhaps with its system call, comes last: no name can end the line earlier.
    static const std::regex ending(R"(;\[[a-z-]+\](;\[[a-z0-9_]+\])? [0-9]+$)");
    CHECK(std::regex_search(line, ending));
  }
}

FOR_FEW_PYTHONS(long_name, "names of 3,000 characters are whole in JSON", "[names]") {
  Target target(python, "names.py", {"--ms", "100", "--only", "long"});
  const auto run = trace(target);
  check_documented(run);
  check_stalls(run.records, run.lines);
}

FOR_FEW_PYTHONS(start_up, "stalls in the first iterations of a command that aiotrace starts", "[command]") {
  const Scratch scratch;
  std::vector<std::string> behind{"--"};
  behind.insert(behind.end(), python.command.begin(), python.command.end());
  for (const auto& word : {program("startup_stall.py"), std::string("--record"), scratch.file("record"),
                           std::string("--status"), std::string("7")})
    behind.push_back(word);
  Tracer tracer({}, behind);
  CHECK(tracer.wait() == 7);
  const auto lines = tracer.lines();
  // A Python that takes long to start has no loop for a while, which aiotrace reports.
  const auto messages = lines_of(tracer.err());
  CHECK((messages.empty() || (messages.size() == 1 && messages.front().contains("has no event loop yet"))));
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  const auto records = ndjson(slurp(scratch.file("record")));
  REQUIRE(records.size() == 2);
  check_stalls(records, lines);
}

FOR_FEW_PYTHONS(exit_in_stall, "a target that exits in mid-stall: the stall so far is written", "[exit]") {
  Target target(python, "faults.py", {"--exit-in-stall"});
  const auto run = trace(target, {"--error", "10s"});
  check_documented(run);
  REQUIRE(run.records.size() == 1);
  const auto stalls = stalls_in(run.lines);
  const auto* stall = stall_of(run.records[0], stalls);
  REQUIRE(stall != nullptr);
  INFO(stall->dump() << "\nlosses " << run.lines.back()["losses"].dump());
  CHECK(cause_ns(*stall, "sleep") >= 0.95 * own_ns(*stall));
  CHECK((*stall)["task"]["name"] == "exit-in-stall");
  const auto* segment = segment_of(*stall, "sleep");
  REQUIRE(segment != nullptr);
  check_stack(run.records[0], (*segment)["stack"]);
}

bool is_ongoing(const Json& line) { return line["type"] == "stall" && line["ongoing"] == true; }

void check_killed(const Python& python, const std::string& kind) {
  Target target(python, "killed.py", {"--kind", kind});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid()), "--folded", "FOLDED"});
  tracer.wait_watching();
  target.go();
  const auto reported = tracer.wait_line(is_ongoing);
  target.process().signal(SIGKILL);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  const auto lines = tracer.lines();
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  const auto& last = lines[lines.size() - 2];
  INFO(last.dump());
  CHECK(last["id"] == reported["id"]);
  CHECK(last["duration_ns"] >= reported["duration_ns"]);
  CHECK(cause_ns(last, kind) >= 0.95 * own_ns(last));
  CHECK(last["task"]["name"] == "hanging");
  const auto* segment = segment_of(last, kind);
  REQUIRE(segment != nullptr);
  check_stack(target.records().front(), (*segment)["stack"]);
  CHECK(lines.back()["stalls"] == 1);
  CHECK(slurp(tracer.file("folded")).find("[" + kind + "]") != std::string::npos);
}

FOR_FEW_PYTHONS(killed_asleep, "a target killed while it sleeps in a stall: the stall so far is written", "[exit]") {
  check_killed(python, "sleep");
}

FOR_FEW_PYTHONS(killed_running, "a target killed while it computes in a stall: the stall so far is written", "[exit]") {
  check_killed(python, "python");
}

void check_ongoing(const Python& python, const std::string& kind) {
  // Long enough for several reports, even if the first is late: each comes at twice the age of the previous one.
  Target target(python, "killed.py", {"--kind", kind, "--seconds", "2"});
  const auto run = trace(target, {"--error", "60ms"});
  check_documented(run);
  std::vector<Json> reported;
  std::ranges::copy_if(run.lines, std::back_inserter(reported),
                       [](const Json& line) { return line["type"] == "stall"; });
  REQUIRE(reported.size() >= 4);
  for (std::size_t i = 0; i < reported.size(); ++i) {
    INFO(reported[i].dump());
    const bool ended = i + 1 == reported.size();
    CHECK(reported[i]["id"] == reported[0]["id"]);
    CHECK(reported[i]["start_ns"] == reported[0]["start_ns"]);
    CHECK(reported[i]["ongoing"] == !ended);
    CHECK(reported[i]["level"] == "error");
    CHECK(reported[i]["task"]["name"] == "hanging");
    if (i > 0) CHECK(reported[i]["duration_ns"] > reported[i - 1]["duration_ns"]);
    CHECK(cause_ns(reported[i], kind) >= 0.9 * own_ns(reported[i]));
    const auto* segment = segment_of(reported[i], kind);
    REQUIRE(segment != nullptr);
    check_stack(run.records.at(0), (*segment)["stack"]);
  }
  CHECK(reported.back()["duration_ns"] >= 2'000'000'000);
  CHECK(run.lines.back()["stalls"] == 1);
}

FOR_FEW_PYTHONS(ongoing_sleep, "a stall that goes on in a sleep is reported again and again, once", "[ongoing]") {
  check_ongoing(python, "sleep");
}

FOR_FEW_PYTHONS(ongoing_cpu, "a stall that goes on on a CPU is reported again and again, once", "[ongoing]") {
  check_ongoing(python, "python");
}

// A report of an ongoing stall reads the thread's entry, which is newer than the records of its stacks.
TEST_CASE("a report in mid-stall waits for the stack of the wait that has just begun", "[ongoing]") {
  Target target(any_python(), "many_stacks.py", {});
  const auto run = trace(target, {"--warn", "10ms", "--error", "10ms"});
  const auto reports = std::ranges::count_if(run.lines, is_ongoing);
  CHECK(reports >= 30);
  CHECK(run.lines.back()["losses"]["stack-missing"] == 0);
}

}  // namespace
}  // namespace aiotrace::testing
