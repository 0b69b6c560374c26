#include "probe/perf_events.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "probe/load_log.h"
#include "probe/permissions.h"
#include "probe/privileges.h"

namespace aiotrace::probe {

UniqueFd open_perf_event(perf_event_attr& attr, pid_t pid, int cpu) {
  attr.size = sizeof(attr);
  // With kernel.perf_event_paranoid at 3, Debian's default, Debian's kernels require it for any event.
  const AdminForAMoment admin;
  return UniqueFd(static_cast<int>(syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

Result<Link> attach_to_event(bpf_program* program, UniqueFd event, const std::string& what) {
  forget_warnings();
  Link link(bpf_program__attach_perf_event(program, event.get()));
  if (!link) return load_error(what, errno, last_warning());
  (void)event.release();
  return link;
}

Result<Link> attach_uprobe(const bpf_program* program, const UprobePlace& place, const std::string& what) {
  forget_warnings();
  const AdminForAMoment admin;
  Link link(bpf_program__attach_uprobe(program, place.at_return, place.pid, place.path.c_str(), place.offset));
  if (!link) return load_error(what, errno, last_warning());
  return link;
}

}  // namespace aiotrace::probe
