#include "proc/process.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "child.h"
#include "proc/descendants.h"
#include "proc/memory.h"
#include "tests/catch.h"

using aiotrace::ErrorKind;
using aiotrace::proc::LiveMemory;
using aiotrace::proc::parse_stat;
using aiotrace::proc::Process;
using aiotrace::testing::Child;

TEST_CASE("process: itself, and its threads by name", "[process]") {
  const auto process = Process::open(::getpid());
  REQUIRE(process);
  CHECK(process->pid() == ::getpid());
  CHECK(process->alive());
  CHECK(process->start_time() > 0);
  CHECK(process->comm_of(::getpid()) == process->comm());

  std::promise<pid_t> tid;
  std::promise<void> stop;
  std::thread thread([&] {
    ::pthread_setname_np(::pthread_self(), "named (x) y");
    tid.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
    stop.get_future().wait();
  });
  const pid_t other = tid.get_future().get();
  CHECK(process->comm_of(other) == "named (x) y");
  const auto threads = process->threads();
  CHECK(std::ranges::find(threads, other) != threads.end());
  CHECK(std::ranges::is_sorted(threads));
  CHECK(process->tids_by_ns_tid().at(*process->ns_tid(other)) == other);

  const auto wrong = Process::open(other);
  REQUIRE(!wrong);
  CHECK(wrong.error().kind == ErrorKind::usage);
  CHECK(wrong.error().reason == "is a thread of process " + std::to_string(::getpid()));
  stop.set_value();
  thread.join();
  CHECK(!process->comm_of(other));
}

TEST_CASE("process: reasons why one cannot be opened are distinguished", "[process]") {
  for (const pid_t pid : {0, -1}) {
    const auto none = Process::open(pid);
    REQUIRE(!none);
    CHECK(none.error().kind == ErrorKind::usage);
  }
  const auto absent = Process::open(4'000'000);
  REQUIRE(!absent);
  CHECK(absent.error().kind == ErrorKind::failure);
  CHECK(absent.error().reason == "no such process");
}

TEST_CASE("process: a kernel thread is refused", "[process]") {
  const auto kernel = Process::open(2);
  if (kernel || kernel.error().reason == "no such process") AIOTRACE_SKIP("process 2 here is no kernel thread");
  CHECK(kernel.error().kind == ErrorKind::unsupported);
  CHECK(kernel.error().reason == "is a kernel thread (kthreadd): it has no memory of its own");
}

TEST_CASE("process: one that ends is noticed, and as a zombie refused", "[process]") {
  Child child({"cat"});
  const auto process = Process::open(child.pid());
  REQUIRE(process);
  CHECK(process->alive());
  CHECK(process->threads() == std::vector<pid_t>{child.pid()});
  child.kill_only();
  CHECK(!process->alive());
  CHECK(process->threads().empty());
  CHECK(!process->comm_of(child.pid()));
  const auto zombie = Process::open(child.pid());
  REQUIRE(!zombie);
  CHECK(zombie.error().kind == ErrorKind::failure);
  CHECK(zombie.error().reason == "has ended; its parent has not collected it yet");
}

TEST_CASE("process: who is below a process", "[process]") {
  const Child child({"cat"});
  const auto own = ::getpid();
  const auto below = aiotrace::proc::descendants(std::array{own, child.pid()});
  CHECK(below.empty());
  CHECK(aiotrace::proc::descendants(std::array{own}) == std::vector<pid_t>{child.pid()});
  const Child shell({"sh", "-c", "sh -c 'cat; :'; :"});
  std::vector<pid_t> two;
  while (two.size() < 2) two = aiotrace::proc::descendants(std::array{shell.pid()});
  CHECK(std::ranges::count(aiotrace::proc::descendants(std::array{own}), two[0]) == 1);
  CHECK(aiotrace::proc::descendants({}).empty());
}

TEST_CASE("process: stat with a command of blanks and parentheses", "[process]") {
  const auto stat = parse_stat("7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1\n");
  REQUIRE(stat);
  CHECK(stat->comm == "a) b");
  CHECK(stat->state == 'S');
  CHECK(stat->parent == 1);
  CHECK(stat->flags == 4194560);
  CHECK(stat->start_time == 12345);
  for (const char* text : {"", "7", "7 (a", "7 )a( S", "7 (a) S 1 2", "7 (a) S x 7 7 0 -1 4 1 2 3 4 5 6 7 8 9 0 1 0 5",
                           "7 (a) S 1 7 7 0 -1 x 1 2 3 4 5 6 7 8 9 0 1 0 5"}) {
    CHECK(!parse_stat(text));
  }
}

TEST_CASE("process: the last id of a line of status", "[process]") {
  using aiotrace::proc::last_id;
  constexpr std::string_view kStatus = "Name:\tNSpid: 4\nTgid:\t12\nNSpid:\t12\t7\t3\nEmpty:\t\n";
  CHECK(last_id(kStatus, "Tgid") == 12);
  CHECK(last_id(kStatus, "NSpid") == 3);
  CHECK(!last_id(kStatus, "Empty"));
  CHECK(aiotrace::proc::ids_of(kStatus, "NSpid").back() == 3);
  CHECK(aiotrace::proc::ids_of("NSpid:\t4711\t12\t1\n", "NSpid") == std::vector<pid_t>{4711, 12, 1});
  CHECK(aiotrace::proc::ids_of("NSpid:\t4711\tx\t1\n", "NSpid") == std::vector<pid_t>{4711});
  CHECK(aiotrace::proc::ids_of(kStatus, "Absent").empty());
  CHECK(!last_id(kStatus, "Absent"));
}

TEST_CASE("memory: whole reads only", "[memory]") {
  const LiveMemory memory(::getpid());
  const std::uint64_t value = 0x1122334455667788;
  CHECK(memory.read<std::uint64_t>(reinterpret_cast<std::uint64_t>(&value)) == value);

  void* pages = ::mmap(nullptr, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  const auto start = reinterpret_cast<std::uint64_t>(pages);
  ::munmap(static_cast<char*>(pages) + 4096, 4096);
  CHECK(memory.read<std::uint64_t>(start + 4088) == 0u);
  CHECK(!memory.read<std::uint64_t>(start + 4089));
  CHECK(!memory.pointer(start + 4088));  // null is none
  std::byte two[2];
  CHECK(memory.try_read(start + 4095, two) == EFAULT);
  CHECK(memory.try_read(UINT64_MAX, two) == EFAULT);
  CHECK(LiveMemory(4'000'000).try_read(start, two) == ESRCH);
  ::munmap(pages, 4096);
}
