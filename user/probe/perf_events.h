// Perf events, and BPF programs on them.
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "probe/handles.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct bpf_program;

namespace aiotrace::probe {

/// perf_event_open(2) of a thread (`pid`; -1: any thread) on a CPU (-1: any), closed on exec. Sets attr.size. If the
/// descriptor is invalid, errno has the reason.
[[nodiscard]] UniqueFd open_perf_event(perf_event_attr& attr, pid_t pid, int cpu);

/// Runs `program` at each occurrence of the event, which the link owns from now on. `what` describes the attempt, for
/// the error.
[[nodiscard]] Result<Link> attach_to_event(bpf_program* program, UniqueFd event, const std::string& what);

/// The place of a uprobe; only this process triggers it.
struct UprobePlace {
  pid_t pid = 0;
  const std::string& path;
  std::uint64_t offset = 0;  ///< offset in the file
  bool at_return = false;    ///< name of the function that begins there
};

/// Runs `program` there. The kernel requires CAP_SYS_ADMIN for it (perf_uprobe_event_init(), kernel/events/core.c).
[[nodiscard]] Result<Link> attach_uprobe(const bpf_program* program, const UprobePlace& place, const std::string& what);

}  // namespace aiotrace::probe
