// What a confined process can still do. Each test runs in a child, because a filter cannot be removed.
#include "probe/confine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "tests/catch.h"

using namespace aiotrace;

namespace {

/// The errno of `action` in a confined child; 0: it worked.
int confined(const std::function<bool()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!probe::confine()) ::_exit(255);
    errno = 0;
    ::_exit(action() ? 0 : errno);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a confined process reads, but starts, writes and makes nothing", "[confine]") {
#ifdef __SANITIZE_ADDRESS__
  AIOTRACE_SKIP("not under sanitizers");
#endif
  if (!probe::try_to_confine()) AIOTRACE_SKIP("no filters here");
  const int readable = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  CHECK(confined([&] {
          char byte = 0;
          return ::read(readable, &byte, 1) == 1;
        }) == 0);
  CHECK(confined([] { return ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC) >= 0; }) == 0);
  CHECK(confined([] { return ::open("/tmp/aiotrace-none", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0; }) == EPERM);
  CHECK(confined([] { return ::open("/dev/null", O_RDWR | O_CLOEXEC) >= 0; }) == EPERM);
  CHECK(confined([] {
          char path[] = "/bin/true";
          char* const arguments[] = {path, nullptr};
          ::execv(path, arguments);
          return false;
        }) == EPERM);
  CHECK(confined([] { return ::fork() >= 0; }) == EPERM);
  CHECK(confined([] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }) == EPERM);
  CHECK(confined([] {
          char byte = 0;
          iovec part{.iov_base = &byte, .iov_len = 1};
          return ::process_vm_writev(::getpid(), &part, 1, &part, 1, 0) == 1;
        }) == EPERM);
  CHECK(confined([] {
          return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
        }) == EPERM);
  CHECK(confined([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0; }) == EPERM);
  CHECK(confined([] { return ::kill(::getppid(), 0) == 0; }) == EPERM);
  CHECK(confined([] { return ::tgkill(::getppid(), ::getppid(), 0) == 0; }) == EPERM);
  CHECK(confined([] { return ::tgkill(::getpid(), ::gettid(), 0) == 0; }) == 0);
  CHECK(confined([] {
          rlimit limit{};
          return ::prlimit(::getppid(), RLIMIT_NOFILE, nullptr, &limit) == 0;
        }) == EPERM);
  CHECK(confined([] {
          rlimit limit{};
          return ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
        }) == 0);
  CHECK(confined([] {
          std::thread([] {}).join();
          return true;
        }) == 0);
  ::close(readable);
}
