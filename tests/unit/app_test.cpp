// The parts of the session that need no process: options, filters, culprits, quotas.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "app/cgroup_quota.h"
#include "app/commands/program.h"
#include "app/commands/watch.h"
#include "app/culprits.h"
#include "app/filter.h"
#include "model/callback_runs.h"
#include "model/segments.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "tests/catch.h"

using namespace aiotrace;

namespace {

// The options given to the command without a name.
std::optional<app::WatchOptions> parsed(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "aiotrace");
  app::Program program;
  if (!program.parse(static_cast<int>(arguments.size()), arguments.data())) return std::nullopt;
  return dynamic_cast<app::Watch&>(program.command()).options();
}

std::string refused(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "aiotrace");
  app::Program program;
  const auto status = program.parse(static_cast<int>(arguments.size()), arguments.data());
  REQUIRE_FALSE(status);
  CHECK(status.error().kind == ErrorKind::usage);
  CHECK(status.error().message().find('\n') == std::string::npos);
  return status.error().message();
}

}  // namespace

TEST_CASE("options: what is asked for is what is set", "[app]") {
  const auto options = parsed({"-p", "12,34", "-p", "12", "-d", "1.5s", "--warn", "20ms", "--error", "2s", "--json",
                               "-", "--html", "r.html", "--pprof", "p"});
  REQUIRE(options);
  CHECK(options->files.html == "r.html");
  CHECK(options->files.stacks[1] == "p");
  CHECK_FALSE(options->files.perfetto);
  CHECK(options->targets.pids == std::vector<std::int32_t>{12, 34});
  CHECK(options->duration_ns == 1'500'000'000);
  CHECK(options->warn_ns == 20'000'000);
  CHECK(options->error_ns == 2'000'000'000);
  CHECK(options->files.json == "-");
  const auto command = parsed({"-q", "--", "python3", "-p", "x"});
  REQUIRE(command);
  CHECK(command->targets.command == std::vector<std::string>{"python3", "-p", "x"});
  CHECK(command->quiet);
  CHECK(parsed({"--warn", "300ms", "-p", "1"})->error_ns == 300'000'000);
  CHECK(parsed({"--comm", "node"})->targets.all);
}

TEST_CASE("options: nonsense is refused in one line that says what is wrong", "[app]") {
  CHECK(refused({}).find("nothing to watch") != std::string::npos);
  CHECK(refused({"-p", "0"}).find("-p 0") != std::string::npos);
  CHECK(refused({"-p", "-3"}).find("-p -3") != std::string::npos);
  CHECK(refused({"-p", "1,,2"}).find("not a process id") != std::string::npos);
  CHECK(refused({"-p", "99999999999"}).find("not a process id") != std::string::npos);
  CHECK(refused({"-p", "1", "-d", "5"}).find("unit") != std::string::npos);
  CHECK(refused({"-p", "1", "--warn", "0ms"}).find("more than 0") != std::string::npos);
  CHECK(refused({"-p", "1", "--error", "10ms"}).find("less than --warn") != std::string::npos);
  CHECK(refused({"-p", "1", "--poll-probe", "kprobe"}).find("fentry, tracepoint or uprobe") != std::string::npos);
  CHECK(refused({"-p", "1", "--", "true"}).find("only one of") != std::string::npos);
  CHECK(refused({"-p", "1", "-a"}).find("only one of") != std::string::npos);
  for (const auto* option : {"--folded", "--html", "--perfetto", "--speedscope", "--pprof"})
    CHECK(refused({"-p", "1", option, "-"}).find("needs a file") != std::string::npos);
  CHECK(refused({"--"}).find("command") != std::string::npos);
}

TEST_CASE("a control group is found by its path in either version", "[app]") {
  const std::string v2 = "0::/system.slice/web.service\n";
  CHECK(app::in_cgroup(v2, "/system.slice"));
  CHECK(app::in_cgroup(v2, "/system.slice/web.service/"));
  CHECK(app::in_cgroup(v2, "/sys/fs/cgroup/system.slice"));
  CHECK_FALSE(app::in_cgroup(v2, "/system.slic"));
  CHECK_FALSE(app::in_cgroup(v2, "/system.slice/web.service/worker"));
  const std::string v1 = "4:cpu,cpuacct:/app/web\n3:memory:/other\n0::/\n";
  CHECK(app::in_cgroup(v1, "/sys/fs/cgroup/cpu/app"));
  CHECK(app::in_cgroup(v1, "/app/web"));
  CHECK_FALSE(app::in_cgroup(v1, "/sys/fs/cgroup/cpu/web"));
}

TEST_CASE("sockets, files and children become culprits", "[app]") {
  model::TargetSeen seen;
  seen.kind = model::TargetSeen::Kind::socket;
  seen.family = AF_INET;
  seen.protocol = IPPROTO_TCP;
  seen.local = {127, 0, 0, 1};
  seen.local_port = 40000;
  seen.peer = {10, 0, 0, 5};
  seen.peer_port = 443;
  auto culprit = app::culprit_of_target(model::Cause::network, seen, "");
  const auto* who = model::culprit_as<model::SocketEnds>(culprit);
  REQUIRE(who != nullptr);
  CHECK(who->protocol == "tcp");
  CHECK(who->local == "127.0.0.1:40000");
  CHECK(who->peer == "10.0.0.5:443");
  CHECK(who->dns == false);

  seen.family = AF_INET6;
  seen.protocol = IPPROTO_UDP;
  seen.peer = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  seen.peer_port = 53;
  culprit = app::culprit_of_target(model::Cause::network, seen, "");
  who = model::culprit_as<model::SocketEnds>(culprit);
  REQUIRE(who != nullptr);
  CHECK(who->peer == "[2001:db8::1]:53");
  CHECK(who->protocol == "udp");
  CHECK(who->dns == true);

  seen = model::TargetSeen();
  seen.kind = model::TargetSeen::Kind::path;
  seen.path = "data/x.db";
  seen.syscall = 257;  // openat
  CHECK(app::culprit_of_target(model::Cause::file, seen, "/srv/app") ==
        model::Culprit(model::FileUse{.path = "/srv/app/data/x.db", .op = "open"}));

  seen.kind = model::TargetSeen::Kind::child;
  seen.child_pid = 77;
  seen.comm = "sleep";
  CHECK(app::culprit_of_target(model::Cause::process, seen, "") ==
        model::Culprit(model::ChildProcess{.pid = 77, .comm = "sleep"}));
  CHECK_FALSE(app::culprit_of_target(model::Cause::lock, seen, ""));
}

TEST_CASE("many short callbacks are distinguished from one long one", "[model]") {
  constexpr std::uint64_t kMs = 1'000'000;
  model::CallbackRuns many;
  for (std::uint64_t ms = 0; ms < 120; ms++) many.add(1 + ms / 3, ms * kMs);
  const auto callbacks = many.many(120 * kMs);
  REQUIRE(callbacks);
  CHECK(callbacks->count == 40);
  CHECK(callbacks->longest_ns == 3 * kMs);

  model::CallbackRuns one;
  for (std::uint64_t ms = 0; ms < 120; ms++) one.add(ms < 60 ? ms : 1000, ms * kMs);
  CHECK_FALSE(one.many(120 * kMs));
  many.clear();
  CHECK_FALSE(many.many(120 * kMs));
}

TEST_CASE("who ran during a wait for a CPU is one list for each place", "[model]") {
  const auto waiting = [](std::uint32_t pid) {
    model::SegmentKey key;
    key.cause = model::Cause::cpu_wait;
    key.culprit = model::Runners{{{.pid = pid, .comm = "hog", .ns = 0}}};
    return key;
  };
  model::Pieces pieces;
  pieces.add(waiting(5), 10, 1);
  pieces.add(waiting(6), 30, 2);
  model::ExactTimes exact{.duration_ns = 40, .cause_ns = {}, .cause_count = {}};
  exact.cause_ns[static_cast<std::size_t>(model::Cause::cpu_wait)] = 40;
  const auto split = model::split_iteration(exact, pieces);
  REQUIRE(split.segments.size() == 1);
  CHECK(split.segments[0].ns == 40);
  const auto* runners = model::culprit_as<model::Runners>(split.segments[0].culprit);
  REQUIRE(runners != nullptr);
  const auto& running = runners->running;
  REQUIRE(running.size() == 2);
  CHECK(running[0].pid == 6);
  CHECK(running[0].ns == 30);
  CHECK(running[1].ns == 10);
}

TEST_CASE("system calls are known by number, with what they do to a file", "[proc]") {
  CHECK(proc::syscall_name(45) == "recvfrom");
  CHECK(proc::syscall_name(232) == "epoll_wait");
  CHECK(proc::syscall_name(-1).empty());
  CHECK(proc::syscall_name(100'000).empty());
  // Newer than the headers of the oldest distribution that it is built on.
  CHECK(proc::syscall_name(451) == "cachestat");
  CHECK(proc::syscall_name(469) == "file_setattr");
  CHECK(proc::file_operation("pread64") == "read");
  CHECK(proc::file_operation("fsync") == "sync");
  CHECK(proc::file_operation("newfstatat") == "stat");
  CHECK(proc::path_argument("open") == 1);
  CHECK(proc::path_argument("openat") == 2);
  CHECK(proc::path_argument("read") == 0);
  const auto call = proc::parse_syscall("232 0x5 0x7ffc0 0x40 0xffffffffffffffff 0x0 0x0 0x7ffd 0x7f00\n");
  REQUIRE(call);
  CHECK(proc::polled_epoll(*call) == 5);
  CHECK(call->arguments[2] == 0x40);
  CHECK(call->stack_pointer == 0x7ffd);
  CHECK(call->instruction == 0x7f00);
  const auto fault = proc::parse_syscall("-1 0x7ffd 0x7f00\n");
  REQUIRE(fault);
  CHECK(fault->stack_pointer == 0x7ffd);
  CHECK(fault->instruction == 0x7f00);
  const auto cut = proc::parse_syscall("35 0x5 0x6 0x7 0x8 0x0 0x0 0x7ffd");
  REQUIRE(cut);
  CHECK(cut->arguments[3] == 8);
  CHECK(cut->stack_pointer == 0);
  CHECK_FALSE(proc::parse_syscall("running\n"));
}
