// Numbers of tracepoints, also if tracefs is not mounted.
#pragma once

#include <cstdint>
#include <string>

#include "util/result.h"

namespace aiotrace::probe {

/// The id of a tracepoint for perf_event_open. `name` is "syscalls/sys_enter_epoll_wait". If tracefs is not mounted
/// (usual in containers), a detached mount of our own is used, which ends with its descriptor (fsopen, Linux 5.2; needs
/// CAP_SYS_ADMIN). Errors: not_permitted, or unsupported when the kernel lacks it.
[[nodiscard]] Result<std::uint64_t> tracepoint_id(const std::string& name);

}  // namespace aiotrace::probe
