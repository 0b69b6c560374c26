// Targets in their own environment: other namespaces, another root, other ids. Compares their own record with
// aiotrace's report from outside.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// The numbers behind "NSpid:" in a status file of /proc: here first, innermost last.
std::vector<std::string> numbers_of(const std::string& status) {
  for (const auto& line : lines_of(slurp(status))) {
    if (line.starts_with("NSpid:")) return words_of(line.substr(6));
  }
  return {};
}

/// tests/programs/contained.py in a container.
class Container {
 public:
  Container(const Python& python, const std::string& kinds, const std::vector<std::string>& options = {})
      : ready_(scratch_.file("ready")), go_(scratch_.file("go")) {
    // It is another user outside.
    ::chmod(scratch_.path().c_str(), 0777);
    for (const char* name : {"ready", "go"}) ::chmod(scratch_.file(name).c_str(), 0666);
    std::vector<std::string> command{"/usr/bin/python3", program("container.py")};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {python.in_other_root() ? python.command[1] : "/", scratch_.path(),
                                   python.command.back(), program("contained.py"), "--ready", scratch_.file("ready"),
                                   "--go", scratch_.file("go"), "--record", scratch_.file("record")});
    if (!kinds.empty()) command.insert(command.end(), {"--kinds", kinds});
    process_ = std::make_unique<Process>(command, Streams{.in = -1, .out = 2, .err = 2});
  }

  void wait_ready() {
    const auto said = ready_.line(*process_);
    if (said != "ready 1") FAIL("the container is not ready: \"" << said << "\"");
    const auto starter = std::to_string(process_->pid());
    const auto children = words_of(slurp("/proc/" + starter + "/task/" + starter + "/children"));
    REQUIRE(children.size() == 1);
    pid_ = std::stoi(children.front());
    REQUIRE(numbers_of(path("status")).size() == 2);
  }
  void go() const { go_.send(); }
  void wait_done() { REQUIRE(ready_.line(*process_) == "done"); }
  /// The id in this /proc.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string path(const std::string& file) const { return "/proc/" + std::to_string(pid_) + "/" + file; }
  /// With the thread ids of this namespace.
  [[nodiscard]] std::vector<Json> records() const {
    std::map<int, int> outside;
    for (const auto& thread : std::filesystem::directory_iterator(path("task"))) {
      const auto numbers = numbers_of(thread.path() / "status");
      if (numbers.empty()) continue;  // a helper that ends just now
      outside[std::stoi(numbers.back())] = std::stoi(numbers.front());
    }
    auto records = ndjson(slurp(scratch_.file("record")));
    for (auto& record : records) {
      record["tid"] = outside.at(record["tid"]);
      if (record["culprit"].is_object() && record["culprit"].contains("tid"))
        record["culprit"]["tid"] = outside.at(record["culprit"]["tid"]);
    }
    return records;
  }

 private:
  Scratch scratch_;
  Fifo ready_;
  Fifo go_;
  std::unique_ptr<Process> process_;
  pid_t pid_ = -1;
};

void check_culprit(const Json& record, const std::vector<Json>& stalls) {
  const auto* stall = stall_of(record, stalls);
  INFO(record.dump());
  REQUIRE(stall != nullptr);
  check_stall(record, *stall);
  if (record["culprit"].is_null()) return;
  const auto* segment = segment_of(*stall, record["expected_cause"]);
  REQUIRE(segment != nullptr);
  INFO("segment " << segment->dump());
  REQUIRE((*segment)["culprit"].is_object());
  for (const auto& [name, value] : record["culprit"].items()) CHECK((*segment)["culprit"].value(name, Json()) == value);
}

void check_culprits(const std::vector<Json>& records, const std::vector<Json>& lines) {
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  INFO("losses " << lines.back()["losses"].dump());
  for (const auto& record : records) check_culprit(record, stalls_in(lines));
}

void check_contained(Container& target, std::size_t stalls) {
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.go();
  target.wait_done();
  const auto records = target.records();
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  CHECK(tracer.err() == "");
  REQUIRE(records.size() == stalls);
  check_culprits(records, tracer.lines());
}

FOR_FEW_PYTHONS(in_container,
                "in a container: stalls, threads, files, peers, children and JIT code by their right names",
                "[container]") {
  Container target(python, python.has_gil() ? "" : "sleep,open,read,network,process,jit");
  target.wait_ready();
  check_contained(target, python.has_gil() ? 7 : 6);
}

TEST_CASE("in a container, by its control group", "[container]") {
  std::string hierarchy;
  for (const char* path : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"}) {
    if (hierarchy.empty() && ::access((std::string(path) + "/cgroup.procs").c_str(), W_OK) == 0) hierarchy = path;
  }
  if (hierarchy.empty()) AIOTRACE_SKIP("no control groups are mounted here");
  struct Group {
    std::string path;
    explicit Group(std::string at) : path(std::move(at)) { REQUIRE(::mkdir(path.c_str(), 0755) == 0); }
    ~Group() { ::rmdir(path.c_str()); }
  };
  const Group group(hierarchy + "/aiotrace-container-" + std::to_string(::getpid()));
  Target other(any_python(), "faults.py", {"--faults", "sleep:100", "--stay"});
  other.wait_ready();
  Container target(any_python(), "sleep,network", {"--cgroup", group.path});
  target.wait_ready();
  Tracer tracer({"-a", "--cgroup", group.path});
  tracer.wait_watching();
  other.go();
  target.go();
  target.wait_done();
  const auto records = target.records();
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  check_culprits(records, tracer.lines());
  for (const auto& stall : stalls_in(tracer.lines())) CHECK(stall["pid"] == target.pid());
}

FOR_FEW_PYTHONS(deleted_program, "in a container, the program's file deleted since its start", "[container]") {
  if (!python.in_other_root()) AIOTRACE_SKIP("a copy of this Python does not find its libraries");
  Container target(python, "sleep,read,gil", {"--copy"});
  target.wait_ready();
  REQUIRE(::unlink(target.path("root/tmp/program").c_str()) == 0);
  check_contained(target, 3);
}

FOR_EACH_PYTHON(in_chroot, "in a chroot: relative paths are those that the program knows", "[container]") {
  if (!python.in_other_root()) AIOTRACE_SKIP("this Python needs no other root");
  Target target(python, "contained.py", {"--kinds", "open,read,network"});
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  target.go();
  REQUIRE(target.line() == "done");
  const auto records = target.records();
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  REQUIRE(records.size() == 3);
  check_culprits(records, tracer.lines());
}

FOR_FEW_PYTHONS(contained_heap, "in a container: its tasks and what leaks", "[container]") {
  Container target(python, "sleep");
  target.wait_ready();
  const auto pid = std::to_string(target.pid());
  const auto tasks = run({aiotrace_binary(), "tasks", "-p", pid, "--coroutine", "waits", "--json", "-"});
  CHECK(tasks.err == "");
  std::size_t waiting = 0;
  for (const auto& line : ndjson(tasks.out)) {
    if (line["type"] != "task") continue;
    CHECK(line["pid"] == target.pid());
    CHECK(line["tid"] == target.pid());
    CHECK(line["waits_for"]["kind"] == "event");
    ++waiting;
  }
  CHECK(waiting == 3);
  const auto leaks = run({aiotrace_binary(), "leaks", "-p", pid, "--json", "-"});
  CHECK(leaks.err == "");
  Json lost;
  for (const auto& line : ndjson(leaks.out)) {
    if (line["type"] == "leak" && line["class"] == "never-awaited") lost = line;
  }
  INFO(leaks.out);
  REQUIRE(lost.is_object());
  CHECK(lost["coroutine"] == "never_awaited");
  CHECK(lost["count"] == 2);
  CHECK(lost["file"] == program("contained.py"));
}

TEST_CASE("aiotrace inside of a pid namespace says why it does not trace there", "[container]") {
  for (const auto& start : {std::vector<std::string>{"unshare", "--pid", "--fork", "--mount-proc"},
                            std::vector<std::string>{"unshare", "--pid", "--fork"}}) {
    auto command = start;
    command.insert(command.end(), {aiotrace_binary(), "-p", "1"});
    const auto outcome = run(command);
    CHECK(outcome.status == 3);
    CHECK(outcome.out == "");
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK_THAT(outcome.err, ContainsSubstring("from inside a container"));
    CHECK_THAT(outcome.err, ContainsSubstring("--pid=host"));
  }
}

}  // namespace
}  // namespace aiotrace::testing
