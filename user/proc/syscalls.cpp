#include "proc/syscalls.h"

#include <algorithm>
#include <array>
#include <vector>

#include "machine/machine.h"

namespace aiotrace::proc {

namespace {

using machine::SystemCall;

// Newer than the headers of the oldest distribution that aiotrace is built on (Linux 6.1). Since 5.1 a new call has the
// same number on every machine: include/uapi/asm-generic/unistd.h.
constexpr auto kNewer = std::to_array<SystemCall>({
    {451, "cachestat"},         {452, "fchmodat2"},         {453, "map_shadow_stack"}, {454, "futex_wake"},
    {455, "futex_wait"},        {456, "futex_requeue"},     {457, "statmount"},        {458, "listmount"},
    {459, "lsm_get_self_attr"}, {460, "lsm_set_self_attr"}, {461, "lsm_list_modules"}, {462, "mseal"},
    {463, "setxattrat"},        {464, "getxattrat"},        {465, "listxattrat"},      {466, "removexattrat"},
    {467, "open_tree_attr"},    {468, "file_getattr"},      {469, "file_setattr"},
});

struct ClassCalls {
  SyscallClass wait_class;
  std::string_view calls;  // their names, a space between two
};

// What a thread that sleeps in the call waits for. A call without an entry has the class `other`.
constexpr auto kClasses = std::to_array<ClassCalls>({
    // clang-format off
    {SyscallClass::sleep,
     "nanosleep clock_nanosleep"},
    {SyscallClass::file,
     "open stat lstat access msync flock fsync fdatasync truncate ftruncate getdents chdir fchdir "
     "rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown utime "
     "mknod statfs fstatfs pivot_root sync mount umount2 swapon readahead setxattr lsetxattr "
     "fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr "
     "fremovexattr getdents64 fadvise64 utimes openat mkdirat mknodat fchownat futimesat newfstatat "
     "unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat sync_file_range utimensat "
     "fallocate name_to_handle_at open_by_handle_at syncfs renameat2 copy_file_range statx openat2 "
     "faccessat2 cachestat fchmodat2"},
    {SyscallClass::network,
     "connect accept sendto recvfrom sendmsg recvmsg shutdown accept4 recvmmsg sendmmsg"},
    {SyscallClass::process,
     "clone fork vfork execve wait4 waitid execveat clone3"},
    {SyscallClass::futex,
     "futex futex_waitv futex_wake futex_wait futex_requeue"},
    {SyscallClass::fd,
     "read write close fstat lseek ioctl pread64 pwrite64 readv writev sendfile fcntl splice tee "
     "vmsplice preadv pwritev preadv2 pwritev2"},
    {SyscallClass::poll,
     "poll select epoll_wait pselect6 ppoll epoll_pwait epoll_pwait2"},
    // clang-format on
});

constexpr bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == wanted) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

constexpr SyscallClass class_of(std::string_view name) {
  const auto* found = std::ranges::find_if(kClasses,
                                           [&](const ClassCalls& each) { return has_word(each.calls, name); });
  return found == kClasses.end() ? SyscallClass::other : found->wait_class;
}

static_assert(std::ranges::is_sorted(kNewer, {}, &SystemCall::number));

std::vector<Syscall> make_table() {
  std::vector<Syscall> table;
  const auto add = [&](const SystemCall& call) { table.push_back({call.number, call.name, class_of(call.name)}); };
  for (const auto& call : machine::here().system_calls) add(call);
  for (const auto& call : kNewer) {
    if (call.number > machine::here().system_calls.back().number) add(call);
  }
  return table;
}

}  // namespace

unsigned path_argument(std::string_view name) {
  constexpr std::array kFirst = std::to_array<std::string_view>(
      {"open",   "creat",  "stat",     "lstat", "access",   "rename",  "mkdir",    "rmdir",
       "unlink", "link",   "readlink", "chmod", "chown",    "lchown",  "truncate", "statfs",
       "utime",  "utimes", "chdir",    "mknod", "setxattr", "getxattr"});
  constexpr std::array kSecond = std::to_array<std::string_view>(
      {"openat", "openat2", "newfstatat", "statx", "faccessat", "faccessat2", "renameat", "renameat2", "mkdirat",
       "unlinkat", "linkat", "readlinkat", "fchmodat", "fchmodat2", "fchownat", "utimensat", "futimesat", "mknodat",
       "symlink"});
  if (std::ranges::find(kFirst, name) != kFirst.end()) return 1;
  return std::ranges::find(kSecond, name) != kSecond.end() ? 2 : 0;
}

std::string_view file_operation(std::string_view name) {
  struct Operation {
    std::string_view operation;
    std::string_view prefix;  // of the system call's name
  };
  constexpr std::array kOperations = std::to_array<Operation>(
      {{"read", "read"},      {"read", "pread"},     {"read", "getdents"}, {"write", "write"}, {"write", "pwrite"},
       {"sync", "fsync"},     {"sync", "fdatasync"}, {"sync", "sync"},     {"sync", "msync"},  {"open", "open"},
       {"open", "creat"},     {"stat", "stat"},      {"stat", "lstat"},    {"stat", "fstat"},  {"stat", "newfstatat"},
       {"stat", "access"},    {"stat", "faccessat"}, {"lock", "flock"},    {"lock", "fcntl"},  {"write", "ftruncate"},
       {"write", "fallocate"}});
  for (const auto& [operation, prefix] : kOperations) {
    if (name.starts_with(prefix)) return operation;
  }
  return "other";
}

std::span<const Syscall> syscalls() {
  static const std::vector<Syscall> kTable = make_table();
  return kTable;
}

std::string_view syscall_name(std::int32_t number) {
  const auto all = syscalls();
  const auto at = std::ranges::lower_bound(all, number, {}, &Syscall::number);
  return at != all.end() && at->number == number ? at->name : std::string_view{};
}

}  // namespace aiotrace::proc
