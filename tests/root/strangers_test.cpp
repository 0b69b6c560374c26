// An unprivileged user cannot make a privileged aiotrace report wrong data, or read or write files for that user.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr const char* kUser = "1001";

std::vector<std::string> as_user(std::vector<std::string> command, const std::string& groups = "--clear-groups") {
  command.insert(command.begin(), {"setpriv", "--reuid", kUser, "--regid", kUser, groups});
  return command;
}

/// As sudo starts it for that user.
std::vector<std::string> as_sudo(std::vector<std::string> command) {
  command.insert(command.begin(), {"env", std::string("SUDO_UID=") + kUser, std::string("SUDO_GID=") + kUser});
  return command;
}

std::string python_of_all() {
  if (!std::filesystem::exists("/usr/bin/python3")) AIOTRACE_SKIP("no /usr/bin/python3");
  return "/usr/bin/python3";
}

// A copy of the program with the documented file capabilities.
struct Capable {
  Capable() {
    ::chmod(directory.path().c_str(), 0755);
    REQUIRE(run({"cp", aiotrace_binary(), program}).status == 0);
    ::chmod(program.c_str(), 0755);
    const auto readme = slurp("README.md");
    const auto begin = readme.find("setcap cap_") + std::string("setcap ").size();
    const auto set = run({"setcap", readme.substr(begin, readme.find(' ', begin) - begin), program});
    if (set.status != 0) AIOTRACE_SKIP("setcap: " + set.err);
  }
  Scratch directory;
  std::string program = directory.file("aiotrace");
};

}  // namespace

TEST_CASE("a name that passes for a row of /proc/net/unix changes nobody's socket", "[hostile][strangers]") {
  const Scratch scratch;
  Fifo said(scratch.path() + "/said");
  const auto python = python_of_all();
  Process victim({python, "-c",
                  "import asyncio, os, socket\n"
                  "ours, theirs = socket.socketpair()\n"
                  "async def main():\n"
                  "    print(os.fstat(ours.fileno()).st_ino, flush=True)\n"
                  "    ours.recv(1)\n"
                  "asyncio.run(main())\n"},
                 {.in = -1, .out = said.fd(), .err = 2});
  const auto inode = said.line(victim);
  REQUIRE_FALSE(inode.empty());
  const auto open = scratch.file("open");
  ::mkdir(open.c_str(), 0777);
  ::chmod(open.c_str(), 0777);
  Process stranger({python, program("stranger_sockets.py"), "--inode", inode, "--folder", open},
                   {.in = -1, .out = said.fd(), .err = 2});
  REQUIRE(said.line(stranger) == "there");
  const auto outcome = run({aiotrace_binary(), "-p", std::to_string(victim.pid()), "-d", "500ms", "--json", "-"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("\"unix\""));
  CHECK_THAT(outcome.out, !ContainsSubstring("evil"));
}

TEST_CASE("what is written is the caller's alone", "[hostile][strangers]") {
  const Scratch scratch;
  ::chmod(scratch.path().c_str(), 0755);
  const auto write = [&](const std::string& path) {
    return run(as_sudo({aiotrace_binary(), "-q", "--json", path, "--", "true"}));
  };
  const auto mine = scratch.file("mine");
  CHECK(write(mine).status == 0);
  CHECK(write(mine).status == 0);  // again, over the caller's own file
  struct stat status{};
  REQUIRE(::stat(mine.c_str(), &status) == 0);
  CHECK(status.st_uid == 1001);
  CHECK((status.st_mode & 07777) == 0600);

  const auto roots = scratch.file("roots");
  std::ofstream(roots) << "precious";
  const auto refused = write(roots);
  CHECK(refused.status == 1);
  CHECK_THAT(refused.err, ContainsSubstring("belongs to user 0"));
  CHECK(slurp(roots) == "precious");

  std::filesystem::create_hard_link(mine, scratch.file("another name"));
  const auto before = slurp(mine);
  REQUIRE_FALSE(before.empty());
  const auto linked = write(mine);
  CHECK(linked.status == 1);
  CHECK_THAT(linked.err, ContainsSubstring("other names"));
  CHECK(slurp(mine) == before);
}

TEST_CASE("no link on the way that a stranger could have made is followed", "[hostile][strangers]") {
  const Scratch scratch;
  ::chmod(scratch.path().c_str(), 0755);
  const auto aim = scratch.file("aim");
  ::mkdir(aim.c_str(), 0755);
  ::mkdir(scratch.file("open").c_str(), 0777);
  ::chmod(scratch.file("open").c_str(), 01777);
  std::filesystem::create_directory_symlink(aim, scratch.file("roots"));
  std::filesystem::create_directory_symlink(aim, scratch.file("open/strangers"));
  REQUIRE(::lchown(scratch.file("open/strangers").c_str(), 1002, 1002) == 0);
  std::filesystem::create_directory_symlink(aim, scratch.file("open/replaceable"));
  const auto write = [&](const std::string& path) {
    return run(as_sudo({aiotrace_binary(), "-q", "--json", path, "--", "true"}));
  };
  CHECK(write(scratch.file("roots/a")).status == 0);
  CHECK(std::filesystem::exists(aim + "/a"));
  for (const std::string name : {"open/strangers/b", "open/replaceable/b"}) {
    const auto outcome = write(scratch.file(name));
    CHECK(outcome.status == 1);
    CHECK_THAT(outcome.err, ContainsSubstring("symbolic link that another user can have made"));
    CHECK_FALSE(std::filesystem::exists(aim + "/b"));
  }
}

TEST_CASE("behind sudo COMMAND runs as the caller, with no descriptor of aiotrace's", "[hostile][strangers]") {
  const Scratch scratch;
  ::mkdir(scratch.file("open").c_str(), 0777);
  ::chmod(scratch.file("open").c_str(), 0777);
  const auto said = scratch.file("open/said");
  const std::vector<std::string> show{"/bin/sh", "-c", "exec >\"$0\"; id -u; id -G; ls /proc/self/fd | wc -l", said};
  const auto shown = [&](std::vector<std::string> command) {
    command.insert(command.end(), show.begin(), show.end());
    CHECK(run(as_sudo(command)).status == 0);
    const auto lines = lines_of(slurp(said));
    std::filesystem::remove(said);
    return lines;
  };
  const auto plain = shown({});  // rights that it has without aiotrace
  REQUIRE(plain.size() == 3);
  CHECK(plain[0] == "0");
  const auto lines = shown({aiotrace_binary(), "-q", "--"});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "1001");
  CHECK(lines[1] == "1001");
  CHECK(lines[2] == plain[2]);
  const auto root = shown({aiotrace_binary(), "-q", "--as-root", "--"});
  REQUIRE(root.size() == 3);
  CHECK(root[0] == "0");
  CHECK(root[2] == plain[2]);
}

TEST_CASE("with file capabilities a recording or a hidden file of others is not read", "[hostile][strangers]") {
  const Capable capable;
  const auto hidden = capable.directory.file("hidden");
  ::mkdir(hidden.c_str(), 0700);
  REQUIRE(run({"cp", "tests/golden/run.aiorec", hidden + "/run.aiorec"}).status == 0);
  const auto there = run(as_user({capable.program, "report", hidden + "/run.aiorec"}));
  const auto not_there = run(as_user({capable.program, "report", hidden + "/none.aiorec"}));
  CHECK(there.status == 1);
  CHECK(there.out.empty());
  CHECK_THAT(there.err, ContainsSubstring("Permission denied"));
  CHECK_THAT(not_there.err, ContainsSubstring("Permission denied"));
}

TEST_CASE("report, help and version have no capability", "[hostile][strangers]") {
  const Capable capable;
  const Scratch scratch;
  const auto path = scratch.path() + "/recording";
  const Fifo recording(path);
  const auto beginning = slurp("tests/golden/run.aiorec").substr(0, 12);  // its magic and the number of its format
  for (const bool root : {false, true}) {
    const std::vector<std::string> command{root ? aiotrace_binary() : capable.program, "report", "-"};
    Process process(root ? command : as_user(command), {.in = recording.fd(), .out = -1, .err = -1});
    // It has read the beginning of the recording, and waits for more: by then it has given up its rights.
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    REQUIRE(::inotify_add_watch(watch.get(), path.c_str(), IN_ACCESS) >= 0);
    REQUIRE(::write(recording.fd(), beginning.data(), beginning.size()) == static_cast<ssize_t>(beginning.size()));
    REQUIRE(wait_readable(watch.get(), process));
    REQUIRE_FALSE(process.ended());
    const auto status_of = [&] { return slurp("/proc/" + std::to_string(process.pid()) + "/status"); };
    const auto status = status_of();
    for (const std::string set : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) {
      INFO(set);
      CHECK_THAT(status, ContainsSubstring(set + ":\t0000000000000000"));
    }
    CHECK_THAT(status, ContainsSubstring("NoNewPrivs:\t1"));
    if (root) CHECK_THAT(status, ContainsSubstring("CapBnd:\t0000000000000000"));
    process.signal(SIGKILL);
  }
}

TEST_CASE("with file capabilities others' processes are for members of the group", "[hostile][strangers]") {
  const Capable capable;
  Target target(Python{.version = "", .command = {python_of_all()}, .origin = ""}, "idle.py", {"--tick", "50"});
  target.wait_ready();
  const auto pid = std::to_string(target.pid());
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"-p", pid, "-d", "200ms"},
                                                    {"tasks", "-p", pid},
                                                    {"leaks", "-p", pid},
                                                    {"awaits", "-p", pid, "-d", "200ms"},
                                                    {"profile", "-p", pid, "-d", "200ms"},
                                                    {"doctor", "-p", pid}}) {
    auto command = std::vector<std::string>{capable.program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    INFO("aiotrace " << arguments.front());
    const auto refused = run(as_user(command));
    CHECK(refused.status == 3);
    CHECK_THAT(refused.err, ContainsSubstring("group aiotrace"));
    CHECK(refused.out.empty());
  }
  // A member, by an /etc/group that only that program sees.
  const auto group = capable.directory.file("group");
  std::ofstream(group) << slurp("/etc/group") << "aiotrace:x:54321:\n";
  std::vector<std::string> member{"unshare", "-m", "sh", "-c", "mount --bind \"$0\" /etc/group && exec \"$@\"", group};
  for (const auto& word : as_user({capable.program, "tasks", "-p", pid}, "--groups=54321")) member.push_back(word);
  const auto listed = run(member);
  // The access is permitted: its answer is about the process.
  CHECK(listed.err == "");
  CHECK_THAT(listed.out, ContainsSubstring("Task-1"));
  CHECK(listed.status == 0);
}

TEST_CASE("while it watches its bounding and ambient sets are empty", "[hostile][strangers]") {
  Target target(any_python(), "idle.py");
  target.wait_ready();
  Tracer tracer({"-p", std::to_string(target.pid())});
  tracer.wait_watching();
  const auto status = slurp("/proc/" + std::to_string(tracer.process().pid()) + "/status");
  CHECK_THAT(status, ContainsSubstring("CapBnd:\t0000000000000000"));
  CHECK_THAT(status, ContainsSubstring("CapAmb:\t0000000000000000"));
  CHECK_THAT(status, ContainsSubstring("NoNewPrivs:\t1"));
  ::kill(tracer.process().pid(), SIGINT);
  CHECK(tracer.wait() == 0);
}

}  // namespace aiotrace::testing
