#include "app/memory_access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "app/children.h"
#include "probe/permissions.h"
#include "probe/rules.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

namespace {

std::string reason_of(const std::string& directory) {
  if (::geteuid() == 0) return "missing CAP_SYS_PTRACE";
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0 && status.st_uid != ::geteuid())
    return "it belongs to another user, or changed its own";
  return ptrace_scope_problem().value_or("the kernel protects it");
}

}  // namespace

std::optional<std::string> ptrace_scope_problem() {
  // Documentation/admin-guide/LSM/Yama.rst: from 1 on, only descendants of the reader.
  const auto scope = probe::sysctl("kernel/yama/ptrace_scope");
  if (!scope || *scope == "0") return std::nullopt;
  return "kernel.yama.ptrace_scope is " + *scope;
}

Status may_read(const proc::Process& process) {
  const auto directory = "/proc/" + std::to_string(process.pid());
  // The same check as for process_vm_readv: mem_open() in fs/proc/base.c asks for PTRACE_MODE_ATTACH.
  const UniqueFd memory(::open((directory + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (memory || (errno != EACCES && errno != EPERM)) return {};
  return fail("not permitted to read process " + std::to_string(process.pid()) + " (" + process.comm() + ")",
              reason_of(directory), probe::how_to_get({"CAP_SYS_PTRACE"}), ErrorKind::not_permitted);
}

std::unexpected<Error> no_asyncio_loop(const proc::Process& process) {
  const auto children = loops_of_children(process.pid());
  return fail("no asyncio loop in process " + std::to_string(process.pid()) + " (" + process.comm() + ")", children,
              children.empty() ? "" : "give its pid to -p");
}

}  // namespace aiotrace::app
