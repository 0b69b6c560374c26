// Every kind of fault on every interpreter: cause, system call, line, stack, task, coroutine, thread, duration.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

struct Kind {
  const char* name;
  std::set<std::string> syscalls;  ///< expected system call of the largest segment of its cause; "": none
};

// A thread can lose its CPU inside the write that wakes the hog. poll.poll() is ppoll() from 3.15 on.
// glibc's select() is pselect6 from 2.35 on; time.sleep() is select() before 3.11.
const std::vector<Kind> kKinds = {
    {"sleep", {"clock_nanosleep", "select", "pselect6"}},
    {"select-sleep", {"select", "pselect6"}},
    {"python", {""}},
    {"sort", {""}},
    {"native", {""}},
    {"pbkdf2", {""}},
    {"json", {""}},
    {"kernel", {"readv"}},
    {"kernel-zero", {"readv"}},
    {"gc", {""}},
    {"file", {"read"}},
    {"fifo-open", {"openat"}},
    {"fsync", {"fsync", "pwrite64"}},
    {"network", {"recvfrom"}},
    {"unix", {"recvfrom"}},
    {"udp", {"recvfrom"}},
    {"http", {"recvfrom"}},
    {"poll", {"poll", "ppoll"}},
    {"epoll", {"epoll_wait"}},
    {"select", {"select", "pselect6"}},
    {"process", {"wait4"}},
    {"child-pipe", {"read"}},
    {"subprocess", {"wait4"}},
    {"lock", {"futex"}},
    {"event", {"futex"}},
    {"join", {"futex"}},
    {"gil", {"futex"}},
    {"other", {"rt_sigtimedwait"}},
    {"stop", {"kill"}},
    {"cpu-wait", {"", "write"}},
    {"gil-regex", {"futex"}},
};

bool is_of_gil(std::string_view kind) { return kind == "gil" || kind == "gil-regex"; }

std::string all_faults(const Python& python) {
  std::string text;
  for (const auto& kind : kKinds) {
    if (is_of_gil(kind.name) && !python.has_gil()) continue;
    text += (text.empty() ? "" : ",") + std::string(kind.name) + ":100";
  }
  return text;
}

// All kinds in one process; each test case looks at one of them. A run that failed is not tried again.
const Run& fault_run(const Python& python) {
  static std::map<const Python*, std::optional<Run>> runs;
  const auto [known, fresh] = runs.try_emplace(&python);
  if (fresh) {
    Target target(python, "faults.py", {"--faults", all_faults(python), "--own-clock"});
    known->second = trace(target);
  }
  if (!known->second) FAIL("the run with all faults failed before");
  return *known->second;
}

const Json& record_of(const Run& run, const std::string& kind) {
  const auto found = std::ranges::find_if(run.records, [&](const Json& record) { return record["kind"] == kind; });
  if (found == run.records.end()) FAIL("the target wrote nothing about " << kind);
  return *found;
}

void check_holder(const Json& record, const Json& culprit) {
  if (!record.contains("holder")) return;
  INFO("holder " << culprit.dump() << ", by its own account " << record["holder"].dump());
  REQUIRE(culprit.is_object());
  CHECK(culprit["tid"] == record["holder"]["tid"]);
  CHECK(culprit["thread"] == record["holder"]["thread"]);
  REQUIRE(culprit["stack"].is_array());
  CHECK(std::ranges::any_of(culprit["stack"], [&](const Json& frame) {
    return frame["function"] == record["holder"]["function"] && frame["file"] == record["holder"]["file"];
  }));
}

void check_kind(const Python& python, const Kind& kind) {
  if (is_of_gil(kind.name) && !python.has_gil()) AIOTRACE_SKIP("this Python has no GIL");
  const auto& run = fault_run(python);
  const auto& record = record_of(run, kind.name);
  const auto stalls = stalls_in(run.lines);
  const auto* stall = stall_of(record, stalls);
  INFO(record.dump());
  // Inside the poll only the wait for the GIL is a stall: a loop that got no CPU during that time did not wait for it.
  if (stall == nullptr && record.value("in_poll", false))
    AIOTRACE_SKIP("the loop's thread got no CPU during the fault");
  REQUIRE(stall != nullptr);
  check_stall(record, *stall);
  CHECK((*stall)["loop"]["kind"] == "asyncio");
  const std::string cause = record["expected_cause"];
  const auto* segment = segment_of(*stall, cause);
  REQUIRE(segment != nullptr);
  INFO("segment " << segment->dump());
  const auto& syscall = (*segment)["syscall"];
  CHECK(kind.syscalls.contains(syscall.is_null() ? "" : syscall.get<std::string>()));
  if (cause == "native" && record.contains("library")) {
    REQUIRE((*segment)["culprit"].is_object());
    // "_json." names _json.cpython-311-x86_64-linux-gnu.so; it is reported without the suffix of the module's name.
    std::string library = record["library"];
    if (library.ends_with('.')) library.pop_back();
    CHECK((*segment)["culprit"]["library"].get<std::string>().starts_with(library));
  }
  // The holder of `gil` ends with the stall; only a thread that lives on can be asked for its name.
  if (record["kind"] == "gil-regex") check_holder(record, (*segment)["culprit"]);
}

AIOTRACE_TEST_CASES(each_fault) {
  for (const auto& kind : kKinds) {
    for (const auto& python : pythons()) {
      if (python.command.empty()) continue;
      add_test_case("a fault of kind " + std::string(kind.name) + " is reported whole on Python " + python.title(),
                    "[faults]", [&] { check_kind(python, kind); });
    }
  }
}

FOR_EACH_PYTHON(nothing_invented, "faults: no stall is invented, nothing is lost, the JSON is as documented",
                "[faults]") {
  const auto& run = fault_run(python);
  CHECK(run.status == 0);
  CHECK(run.err == "");
  CHECK(schema_complaints(run.lines) == std::vector<std::string>{});
  for (const auto& stall : stalls_in(run.lines)) {
    const bool known = std::ranges::any_of(run.records, [&](const Json& record) {
      const std::vector<Json> one{stall};
      return stall_of(record, one) != nullptr;
    });
    INFO(stall.dump());
    CHECK(known);
  }
  const auto& losses = run.lines.back()["losses"];
  for (const auto& name : {"ring-full", "threads-full", "stack-too-deep", "task-unreadable", "seen-full", "bad-record",
                           "iteration-incomplete", "stack-missing"}) {
    INFO(name);
    CHECK(losses[name] == 0);
  }
  // Seen on 3.15: one or two of the several hundred stacks of a run, in two of five runs. The reason is unknown
  // (perhaps a page that is not resident: BPF cannot fault it in). More than that is an error of aiotrace.
  std::uint64_t stacks = 0;
  for (const auto& stall : stalls_in(run.lines)) {
    for (const auto& segment : stall["segments"]) stacks += segment["count"].get<std::uint64_t>();
  }
  for (const auto& name : {"stack-unreadable", "name-unreadable"}) {
    INFO(name << " of " << stacks);
    CHECK(losses[name].get<std::uint64_t>() <= std::max<std::uint64_t>(2, stacks / 100));
  }
  // The first frame cannot be read then.
  CHECK(losses["thread-unknown"].get<int>() <= losses["stack-unreadable"].get<int>());
}

FOR_EACH_PYTHON(styles, "a stall in a task, in a plain callback, after a future and in a task without a name",
                "[faults]") {
  Target target(python, "faults.py", {"--faults", "sleep:60*4,python:100*4", "--own-clock"});
  const auto run = trace(target);
  std::set<std::string> seen;
  for (const auto& record : run.records) {
    if (record.contains("style")) seen.insert(record["style"]);
  }
  CHECK(seen == std::set<std::string>{"nested", "wakeup", "callback", "default-name"});
  check_stalls(run.records, run.lines);
}

}  // namespace
}  // namespace aiotrace::testing
