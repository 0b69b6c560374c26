#include "probe/confine.h"
#include "probe/sanitized.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace aiotrace::probe {
namespace {

// Grouped by purpose. Names that a kernel or an architecture does not know are left out.
constexpr const char* kAllowed[] = {
    // descriptors: reading, and writing to open files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close", "close_range", "lseek",
    "fstat", "newfstatat", "stat", "lstat", "statx", "fstatfs", "statfs", "readlink", "readlinkat", "access",
    "faccessat", "faccessat2", "getdents64", "getcwd", "fcntl", "ftruncate", "fsync", "fdatasync", "dup", "dup3",
    "pipe2", "ioctl", "fadvise64", "openat2",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_gettime", "nanosleep", "clock_nanosleep",
    "restart_syscall",
    // own memory and threads
    "munmap", "mremap", "madvise", "mincore", "brk", "membarrier", "set_robust_list", "get_robust_list", "rseq", "exit",
    "exit_group", "futex", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
    "sched_getscheduler", "sched_setscheduler", "setpriority", "getpriority", "set_tid_address", "arch_prctl", "prctl",
    "capget", "capset", "getrlimit", "getrusage", "times",
    // signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending", "rt_sigsuspend",
    "sigaltstack", "wait4", "waitid",
    // who and when
    "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "getpgrp", "getpgid", "getsid", "uname", "sysinfo", "getcpu", "getrandom", "clock_gettime", "clock_getres",
    "gettimeofday", "time",
    // tracing, and reading other processes
    "bpf", "perf_event_open", "process_vm_readv", "pidfd_open", "kcmp", "sendto", "recvfrom", "sendmsg", "recvmsg",
    "setsockopt", "getsockopt", "getsockname"};

struct FilterFreer {
  void operator()(void* filter) const noexcept { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterFreer>;

int call(const char* name) { return ::seccomp_syscall_resolve_name(name); }

// For a daemon: to serve a connection, and to make one.
constexpr const char* kAccepting[] = {"accept4", "accept", "shutdown"};
constexpr const char* kConnecting[] = {"connect", "shutdown"};

/// Calls that are only allowed with some arguments. 0, or a negative errno.
int add_rules_with_arguments(scmp_filter_ctx filter, const Confinement& daemon) {
  constexpr scmp_datum_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  int error = 0;
  const auto allow = [&](const char* name, const scmp_arg_cmp& argument) {
    if (error == 0) error = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call(name), 1, &argument);
  };
  const auto masked = [](unsigned position, scmp_datum_t mask, scmp_datum_t value) {
    return scmp_arg_cmp{.arg = position, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
  };
  const auto equal = [](unsigned position, scmp_datum_t value) {
    return scmp_arg_cmp{.arg = position, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
  };
  allow("open", masked(1, kWriting, 0));
  allow("openat", masked(2, kWriting, 0));
  allow("mmap", masked(2, PROT_EXEC, 0));
  allow("mprotect", masked(2, PROT_EXEC, 0));
  // Of this process only.
  allow("prlimit64", equal(0, 0));
  allow("tgkill", equal(0, static_cast<scmp_datum_t>(::getpid())));
  allow("clone", masked(0, CLONE_THREAD, CLONE_THREAD));
  allow("socket", equal(0, AF_NETLINK));
  allow("socket", equal(0, AF_UNIX));
  if (daemon.connects) {
    allow("socket", equal(0, AF_INET));
    allow("socket", equal(0, AF_INET6));
  }
  // clone3 has its flags in memory, which no filter can check: the C library then uses clone.
  if (error == 0) error = ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), call("clone3"), 0, nullptr);
  return error;
}

Status load_filter(const Confinement& daemon) {
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return fail("confine aiotrace", "libseccomp cannot be set up");
  int error = 0;
  const auto allow = [&](const char* name) {
    const int number = call(name);
    if (number == __NR_SCMP_ERROR) return;
    if (error == 0) error = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, 0, nullptr);
  };
  std::ranges::for_each(kAllowed, allow);
  if (daemon.accepts) std::ranges::for_each(kAccepting, allow);
  if (daemon.connects) std::ranges::for_each(kConnecting, allow);
  if (error == 0) error = add_rules_with_arguments(filter.get(), daemon);
  if (error == 0) error = ::seccomp_load(filter.get());
  if (error == 0) return {};
  return fail_errno("confine aiotrace", -error, "it runs without a filter on its system calls", ErrorKind::unsupported);
}

}  // namespace

Status confine(const Confinement& daemon) {
  // At the end of the process the leak checker traces it.
  return is_sanitized() ? Status{} : load_filter(daemon);
}

Status try_to_confine() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(load_filter({}) ? 0 : 1);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail("confine aiotrace", "a filter on its system calls is refused",
              "run a kernel that is built with CONFIG_SECCOMP_FILTER, outside of a container that forbids it",
              ErrorKind::unsupported);
}

}  // namespace aiotrace::probe
