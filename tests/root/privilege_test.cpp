// The documented privileges are sufficient, and aiotrace keeps no more than it needs.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

// Of all its threads together.
std::uint64_t status_bits(pid_t pid, const std::string& key) {
  std::uint64_t bits = 0;
  std::size_t found = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    for (const auto& line : lines_of(slurp(thread.path() / "status"))) {
      if (!line.starts_with(key + ":")) continue;
      bits |= std::stoull(line.substr(key.size() + 1), nullptr, 16);
      found++;
    }
  }
  return found == 0 ? ~0ULL : bits;
}

std::vector<std::string> as_nobody(std::vector<std::string> command, const std::string& groups = "--clear-groups") {
  command.insert(command.begin(), {"setpriv", "--reuid", "65534", "--regid", "65534", groups});
  return command;
}

/// Runs as nobody, who is a member of the group aiotrace in an /etc/group that only this program sees: `file`.
std::vector<std::string> as_member(const std::vector<std::string>& command, const std::string& file) {
  std::ofstream(file) << "aiotrace:x:54321:\n";
  auto whole = as_nobody(command, "--groups=54321");
  whole.insert(whole.begin(), {"unshare", "-m", "sh", "-c", "mount --bind \"$0\" /etc/group && exec \"$@\"", file});
  return whole;
}

// "cap_bpf,…+ep" of the README's setcap line.
std::string documented_capabilities() {
  const auto readme = slurp("README.md");
  const auto at = readme.find("setcap cap_");
  REQUIRE(at != std::string::npos);
  const auto begin = at + std::string("setcap ").size();
  return readme.substr(begin, readme.find(' ', begin) - begin);
}

// A copy of the program with the documented file capabilities, in a directory that nobody can write to.
struct Capable {
  Capable() {
    const auto outcome = run({"cp", aiotrace_binary(), directory.file("aiotrace")});
    REQUIRE(outcome.status == 0);
    ::chmod(directory.file("aiotrace").c_str(), 0755);
    const auto set = run({"setcap", documented_capabilities(), directory.file("aiotrace")});
    if (set.status != 0) AIOTRACE_SKIP("setcap: " + set.err);
    ::mkdir(directory.file("out").c_str(), 0777);
    ::chmod(directory.file("out").c_str(), 0777);
  }
  Scratch directory;
};

// A program that stalls for 120 ms again and again until it is ended. It reports when it runs, because the process
// belongs to root until setpriv has become this Python.
const char* const kStalls =
    "import asyncio, time\n"
    "async def stall():\n"
    "    print('stalls', flush=True)\n"
    "    while True:\n"
    "        time.sleep(0.12)\n"
    "        await asyncio.sleep(0.02)\n"
    "asyncio.run(stall())\n";

TEST_CASE("the documented file capabilities are enough for the processes of every user", "[privilege]") {
  const Capable capable;
  const std::vector<std::string> python{"/usr/bin/python3", "-c", kStalls};
  if (!std::filesystem::exists(python.front())) AIOTRACE_SKIP("no /usr/bin/python3");
  Fifo said(capable.directory.file("said"));
  for (const bool same_user : {true, false}) {
    INFO((same_user ? "a target of the same user" : "a target of root"));
    Process target(same_user ? as_nobody(python) : python, {.in = -1, .out = said.fd(), .err = 2});
    REQUIRE(said.line(target) == "stalls");
    const auto json = capable.directory.file(same_user ? "out/same" : "out/other");
    const std::vector<std::string> command{
        capable.directory.file("aiotrace"), "-p", std::to_string(target.pid()), "-d", "3s", "--json", json};
    const auto outcome = run(same_user ? as_nobody(command) : as_member(command, capable.directory.file("group")));
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    std::size_t named = 0;
    for (const auto& line : ndjson(slurp(json))) {
      if (line["type"] != "stall" || !line["task"].is_object()) continue;
      if (line["task"]["coroutine"] == "stall" && line["causes"].value("sleep", 0ULL) > 100'000'000) named++;
    }
    CHECK(named >= 3);
    struct stat status{};
    REQUIRE(::stat(json.c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
  }
}

TEST_CASE("while it watches, aiotrace keeps no capability that it does not need", "[privilege]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  const auto bit = [](int capability) { return 1ULL << capability; };
  const auto kept = bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_PTRACE) | bit(CAP_CHECKPOINT_RESTORE) |
                    bit(CAP_DAC_READ_SEARCH);
  const auto pid = tracer.process().pid();
  // It reports that it watches before it gives them up. Its answer to SIGUSR1 shows that it has given them up.
  ::kill(pid, SIGUSR1);
  tracer.wait_text("Watched");
  // CAP_SYS_ADMIN is there for the moment in which the kernel is asked to measure.
  CHECK((status_bits(pid, "CapEff") & ~(kept | bit(CAP_SYS_ADMIN))) == 0);
  CHECK((status_bits(pid, "CapPrm") & ~(kept | bit(CAP_SYS_ADMIN))) == 0);
  CHECK(status_bits(pid, "CapInh") == 0);
  CHECK(status_bits(pid, "NoNewPrivs") == 1);
  ::kill(pid, SIGINT);
  CHECK(tracer.wait() == 0);
}

TEST_CASE("without any privilege the message names what is missing", "[privilege]") {
  const Capable capable;
  const auto plain = capable.directory.file("plain");
  REQUIRE(run({"cp", "--no-preserve=all", aiotrace_binary(), plain}).status == 0);
  ::chmod(plain.c_str(), 0755);
  const auto outcome = run(as_nobody({plain, "-p", "1"}));
  CHECK(outcome.status == 3);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK_THAT(outcome.err, ContainsSubstring("CAP_BPF"));
}

TEST_CASE("output files belong to the user behind sudo, and no link is followed", "[privilege]") {
  const Scratch scratch;
  const auto as_sudo = [&](const std::string& path) {
    return run({"env", "SUDO_UID=65534", "SUDO_GID=65534", aiotrace_binary(), "-q", "--json", path, "--", "true"});
  };
  CHECK(as_sudo(scratch.file("json")).status == 0);
  struct stat status{};
  REQUIRE(::stat(scratch.file("json").c_str(), &status) == 0);
  CHECK(status.st_uid == 65534);
  CHECK(status.st_gid == 65534);

  std::ofstream(scratch.file("precious")) << "precious";
  std::filesystem::create_symlink(scratch.file("precious"), scratch.file("link"));
  const auto link = as_sudo(scratch.file("link"));
  CHECK(link.status == 1);
  CHECK_THAT(link.err, ContainsSubstring("symbolic link"));
  CHECK(slurp(scratch.file("precious")) == "precious");
  REQUIRE(::stat(scratch.file("precious").c_str(), &status) == 0);
  CHECK(status.st_uid == 0);

  REQUIRE(::mkfifo(scratch.file("fifo").c_str(), 0666) == 0);
  const auto fifo = as_sudo(scratch.file("fifo"));
  CHECK(fifo.status == 1);
  CHECK_THAT(fifo.err, ContainsSubstring("FIFO"));
  CHECK(as_sudo(scratch.path()).status == 1);
  CHECK(as_sudo("/dev/null").status == 0);
  CHECK(as_sudo("/dev/stdout").status == 0);
}

}  // namespace
}  // namespace aiotrace::testing
