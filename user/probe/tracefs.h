// Numbers of tracepoints. Knows how to find them where tracefs is not mounted.
#pragma once

#include <cstdint>
#include <string>

#include "util/result.h"

namespace aiotrace::probe {

/// The id of a tracepoint for perf_event_open. `name` is "syscalls/sys_enter_epoll_wait". Where tracefs is not mounted
/// (the rule in containers) it is mounted nowhere: a detached mount of our own serves and goes with its descriptor
/// (fsopen, Linux 5.2; needs CAP_SYS_ADMIN). Errors: not_permitted, or unsupported when the kernel lacks it.
[[nodiscard]] Result<std::uint64_t> tracepoint_id(const std::string& name);

}  // namespace aiotrace::probe
