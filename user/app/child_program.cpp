#include "app/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "util/caller.h"

namespace aiotrace::app {

namespace {

Result<std::array<UniqueFd, 2>> make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return fail_errno("make a pipe", errno);
  return std::array{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Drops privileges before the program is looked up: the caller may have no right to see it.
int take_rights(ChildProgram::Rights rights) {
  const auto who = caller();
  if (rights == ChildProgram::Rights::own || !who.behind_sudo) return 0;
  errno = 0;
  if (!become(who)) return errno != 0 ? errno : EPERM;
  set_environment_of(who);
  return 0;
}

[[noreturn]] void run(const std::vector<std::string>& arguments, ChildProgram::Rights rights, int go, int failed) {
  char byte = 0;
  // End of file: aiotrace ended before it could watch the program.
  if (read(go, &byte, 1) != 1) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int error = take_rights(rights);
  if (error == 0) {
    execvp(argv[0], argv.data());
    error = errno;
  }
  (void)!write(failed, &error, sizeof(error));
  _exit(127);
}

}  // namespace

Result<ChildProgram> ChildProgram::start(const std::vector<std::string>& arguments, Rights rights) {
  auto go = make_pipe();
  if (!go) return std::unexpected(go.error());
  auto failed = make_pipe();
  if (!failed) return std::unexpected(failed.error());
  ChildProgram child;
  child.name_ = arguments.front();
  child.pid_ = fork();
  if (child.pid_ < 0) return fail_errno("start " + child.name_, errno);
  if (child.pid_ == 0) {
    // The child must close its copy of the writing end, or it would wait for itself when aiotrace dies.
    (*go)[1].reset();
    run(arguments, rights, (*go)[0].get(), (*failed)[1].get());
  }
  child.go_ = std::move((*go)[1]);
  child.failed_ = std::move((*failed)[0]);
  return child;
}

Status ChildProgram::release() {
  const char byte = 1;
  if (write(go_.get(), &byte, 1) != 1) return fail_errno("start " + name_, errno);
  go_.reset();
  int error = 0;
  const ssize_t got = read(failed_.get(), &error, sizeof(error));
  if (got == sizeof(error)) return fail_errno("start " + name_, error);
  return {};
}

int ChildProgram::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return 1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace aiotrace::app
