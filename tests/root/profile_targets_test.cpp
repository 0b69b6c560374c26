// The targets of `aiotrace profile`: -a, --comm, --cgroup and -- COMMAND. Each target knows its own CPU time by
// function.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/profile.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

const std::vector<std::string> kOften = {"-F", "997"};

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

bool has_target(const std::vector<Json>& lines, pid_t pid) {
  return std::ranges::any_of(lines.front()["targets"], [&](const Json& each) { return each["pid"] == pid; });
}

std::vector<Json> rows_of(const std::vector<Json>& lines, pid_t pid) {
  auto rows = profile_rows(lines);
  std::erase_if(rows, [&](const Json& row) { return row["pid"] != pid; });
  return rows;
}

std::vector<Json> finish(Target& target) {
  target.go();
  CHECK(target.process().wait() == 0);
  return target.records();
}

void check_process(const std::vector<Json>& records, const std::vector<Json>& lines, pid_t pid) {
  INFO("pid " << pid);
  check_shares(shares_of(records_within(records, lines), rows_of(lines, pid), [](const Json&) { return true; }));
}

void check_whole(const std::vector<Json>& lines, const std::string& err) {
  CHECK(err == "");
  REQUIRE(lines.size() > 2);
  CHECK(profile_complaints(lines) == std::vector<std::string>{});
}

FOR_FEW_PYTHONS(profile_all, "profile -a: the processes that are there, and one that comes later",
                "[alone][profile][all]") {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Target first(python, "profiled.py"), second(python, "profiled.py");
  first.wait_ready();
  second.wait_ready();
  Tracer tracer(joined({"profile", "-a"}, kOften));
  tracer.wait_watching();
  Target late(python, "profiled.py");
  late.wait_ready();
  // By their own clocks: each has computed as long as its shares need.
  for (auto* target : {&first, &second, &late}) CHECK(target->line() == "long");
  // The late one has to be found first, within a second: it runs long after that.
  CHECK(late.line() == "long");
  tracer.process().signal(SIGINT);
  CHECK(tracer.wait() == 0);
  const auto lines = tracer.lines();
  // Reports about other processes of this machine are ignored here.
  REQUIRE(lines.size() > 2);
  CHECK(profile_complaints(lines) == std::vector<std::string>{});
  CHECK(has_target(lines, first.pid()));
  CHECK(has_target(lines, second.pid()));
  CHECK_FALSE(has_target(lines, late.pid()));
  for (auto* target : {&first, &second}) check_process(finish(*target), lines, target->pid());
  // It is found within a second: its later work is reported, in its own functions.
  const auto records = finish(late);
  const auto rows = rows_of(lines, late.pid());
  CHECK(std::ranges::any_of(rows, [](const Json& row) { return function_in(row, {"heavy"}) == "heavy"; }));
  CHECK(std::ranges::none_of(rows, [](const Json& row) { return row["pid"] == getpid(); }));
}

FOR_FEW_PYTHONS(profile_comm, "profile --comm: only processes of this name", "[profile][all]") {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  const auto name = "prof-" + std::to_string(getpid());
  Target wanted(python, "profiled.py", {"--comm", name}), other(python, "profiled.py", {"--comm", name + "x"});
  wanted.wait_ready();
  other.wait_ready();
  Tracer tracer(joined({"profile", "--comm", name, "-d", "1500ms"}, kOften));
  CHECK(tracer.wait() == 0);
  const auto lines = tracer.lines();
  check_whole(lines, tracer.err());
  REQUIRE(lines.front()["targets"].size() == 1);
  CHECK(lines.front()["targets"][0]["comm"] == name);
  CHECK(has_target(lines, wanted.pid()));
  CHECK(rows_of(lines, wanted.pid()).size() == profile_rows(lines).size());
  check_process(finish(wanted), lines, wanted.pid());
  (void)finish(other);
}

/// A control group of its own, in any hierarchy; it is gone when no process is in it any more.
class Group {
 public:
  Group() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, path, type, rest; mounts >> device >> path >> type && std::getline(mounts, rest);) {
      if (type != "cgroup" && type != "cgroup2") continue;
      path_ = path + "/aiotrace-profile-" + std::to_string(getpid());
      if (mkdir(path_.c_str(), 0755) == 0) return;
      path_.clear();
    }
    AIOTRACE_SKIP("no control group can be made here");
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() { (void)rmdir(path_.c_str()); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool take(pid_t pid) const {
    std::ofstream file(path_ + "/cgroup.procs");
    return static_cast<bool>(file << pid << std::flush);
  }

 private:
  std::string path_;
};

FOR_FEW_PYTHONS(profile_cgroup, "profile --cgroup: only processes of this control group", "[profile][all]") {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  const Group group;
  Target inside(python, "profiled.py"), outside(python, "profiled.py");
  inside.wait_ready();
  outside.wait_ready();
  if (!group.take(inside.pid())) AIOTRACE_SKIP("no process can be put into a control group here");
  Tracer tracer(joined({"profile", "--cgroup", group.path(), "-d", "1500ms"}, kOften));
  CHECK(tracer.wait() == 0);
  const auto lines = tracer.lines();
  check_whole(lines, tracer.err());
  CHECK(lines.front()["targets"].size() == 1);
  CHECK(has_target(lines, inside.pid()));
  CHECK(rows_of(lines, inside.pid()).size() == profile_rows(lines).size());
  check_process(finish(inside), lines, inside.pid());
  (void)finish(outside);
}

FOR_FEW_PYTHONS(profile_command, "profile -- COMMAND: from its start on, and its exit status", "[profile][command]") {
  if (python.command.empty()) AIOTRACE_SKIP("Python " + python.version + ": " + python.origin);
  Scratch scratch;
  Fifo ready(scratch.file("ready")), go(scratch.file("go"));
  Tracer tracer(joined({"profile"}, kOften),
                joined(joined({"--"}, python.command),
                       {program("profiled.py"), "--ready", scratch.file("ready"), "--go", scratch.file("go"),
                        "--record", scratch.file("record"), "--status", "7"}));
  const auto said = ready.line(tracer.process());
  REQUIRE(said.starts_with("ready "));
  CHECK(ready.line(tracer.process()) == "long");
  go.send();
  CHECK(tracer.wait() == 7);
  const auto lines = tracer.lines();
  check_whole(lines, tracer.err());
  check_process(ndjson(slurp(scratch.file("record"))), lines, std::stoi(said.substr(6)));
}

TEST_CASE("profile -- COMMAND: how it ended is how aiotrace ends", "[profile][command]") {
  const std::vector<std::pair<std::string, int>> ends = {
      {"exit 0", 0}, {"exit 3", 3}, {"kill -TERM $$", 128 + SIGTERM}, {"kill -KILL $$", 128 + SIGKILL}};
  for (const auto& [script, status] : ends) {
    INFO(script);
    Tracer tracer({"profile"}, {"--", "/bin/sh", "-c", script});
    CHECK(tracer.wait() == status);
    CHECK(tracer.lines().back()["type"] == "summary");
  }
  Tracer missing({"profile"}, {"--", "/no/such/program"});
  CHECK(missing.wait() == 127);
  CHECK(std::ranges::count(missing.err(), '\n') == 1);
}

}  // namespace
}  // namespace aiotrace::testing
