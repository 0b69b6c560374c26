#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/catch.h"
#include "tests/support/scratch.h"

namespace aiotrace::testing {

namespace {

struct Actions {
  posix_spawn_file_actions_t raw{};
  Actions() { ::posix_spawn_file_actions_init(&raw); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&raw); }
  void give(int fd, int as, int mode) {
    if (fd < 0)
      ::posix_spawn_file_actions_addopen(&raw, as, "/dev/null", mode, 0);
    else
      ::posix_spawn_file_actions_adddup2(&raw, fd, as);
  }
};

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> all;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string entry(*each);
    if (!more.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

bool is_readable(int fd) {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, Streams streams,
                 const std::map<std::string, std::string>& environment) {
  Actions actions;
  actions.give(streams.in, STDIN_FILENO, O_RDONLY);
  actions.give(streams.out, STDOUT_FILENO, O_WRONLY);
  actions.give(streams.err, STDERR_FILENO, O_WRONLY);
  const auto variables = environment_with(environment);
  const int error = ::posix_spawnp(&pid_, command.front().c_str(), &actions.raw, nullptr, pointers(command).data(),
                                   pointers(variables).data());
  if (error != 0) {
    pid_ = -1;
    FAIL("start " << command.front() << ": " << std::strerror(error));
  }
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  // exec() keeps the peak of the old memory (fs/exec.c, setmax_mm_hiwater_rss), which is this program's here.
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  inherited_kb_ = own.ru_maxrss;
}

Process::~Process() {
  if (pid_ < 0 || status_ >= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::ended() const { return status_ >= 0 || is_readable(pidfd_.get()); }

void Process::signal(int number) const {
  // It was not collected yet: the pid still belongs to this program.
  if (status_ < 0) ::kill(pid_, number);
}

int Process::wait() {
  if (status_ >= 0) return status_;
  pollfd end{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, kPatienceMs) != 1) FAIL("process " << pid_ << " does not end");
  int status = 0;
  rusage used{};
  if (::wait4(pid_, &status, 0, &used) != pid_) FAIL("wait for process " << pid_ << ": " << std::strerror(errno));
  peak_kb_ = used.ru_maxrss > inherited_kb_ ? used.ru_maxrss : 0;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_;
}

bool wait_readable(int fd, const Process& process) {
  pollfd both[] = {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = process.pidfd(), .events = POLLIN, .revents = 0}};
  if (::poll(both, 2, kPatienceMs) < 1) FAIL("nothing comes from process " << process.pid());
  return (both[0].revents & POLLIN) != 0 || is_readable(fd);
}

Outcome run(const std::vector<std::string>& command) {
  const Scratch scratch;
  const UniqueFd out = scratch.create("out");
  const UniqueFd err = scratch.create("err");
  Process process(command, {.in = -1, .out = out.get(), .err = err.get()});
  const int status = process.wait();
  return {status, slurp(scratch.file("out")), slurp(scratch.file("err")), process.peak_kb()};
}

}  // namespace aiotrace::testing
