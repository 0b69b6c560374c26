#include "app/cli/signals.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace aiotrace::app {

namespace {

// Data that a signal handler may use.
std::atomic<bool> interrupted = false;  // NOLINT(*-avoid-non-const-global-variables)
std::atomic<int> interrupt_fd = -1;     // NOLINT(*-avoid-non-const-global-variables)
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

extern "C" void take_interrupt(int /*number*/) {
  const int error = errno;
  interrupted = true;
  const std::uint64_t one = 1;
  (void)!::write(interrupt_fd, &one, sizeof one);
  errno = error;
}

}  // namespace

Status ignore_broken_pipes() {
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail_errno("ignore SIGPIPE", errno);
  return {};
}

Result<UniqueFd> catch_signals(std::initializer_list<int> others) {
  sigset_t these;
  sigemptyset(&these);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&these, number);
  for (const int number : others) sigaddset(&these, number);
  sigprocmask(SIG_BLOCK, &these, nullptr);
  UniqueFd fd(signalfd(-1, &these, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("receive signals", errno);
  return fd;
}

Requests take_requests(int signals, Hangup hangup) {
  Requests asked;
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
    const bool reload = info.ssi_signo == SIGHUP && hangup == Hangup::reloads;
    asked.reload = asked.reload || reload;
    asked.summary = asked.summary || info.ssi_signo == SIGUSR1;
    asked.stop = asked.stop || (!reload && info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGCHLD);
  }
  if (!asked.stop) return asked;
  sigset_t these;
  sigemptyset(&these);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (std::signal(number, SIG_DFL) != SIG_ERR) sigaddset(&these, number);
  }
  sigprocmask(SIG_UNBLOCK, &these, nullptr);
  return asked;
}

Result<Interrupt> on_interrupt() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return fail_errno("receive signals", errno);
  interrupt_fd = fd.get();
  struct sigaction action{};
  action.sa_handler = take_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (sigaction(number, &action, nullptr) != 0) return fail_errno("receive signals", errno);
  }
  return Interrupt{.fd = std::move(fd), .came = &interrupted};
}

}  // namespace aiotrace::app
