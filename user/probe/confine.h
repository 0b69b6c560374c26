// A filter on aiotrace's own system calls.
#pragma once

#include "util/result.h"

namespace aiotrace::probe {

/// System calls that a daemon needs in addition to watching.
struct Confinement {
  bool accepts = false;   ///< accept connections to sockets that already listen
  bool connects = false;  ///< connect to others
};

/// From here on this process, including its later threads, can only make the system calls that watching needs: it
/// cannot start programs, open files for writing, write the memory of others, create code, mount, or make connections,
/// unless `daemon` allows it. Any other call fails with EPERM. Must be called when every output is open and every probe
/// attached, with one thread. Does nothing under sanitizers. The error: the kernel has no filters
/// (CONFIG_SECCOMP_FILTER), or a container's own filter forbids them.
Status confine(const Confinement& daemon = {});

/// Whether confine() would work; tried in a child process.
[[nodiscard]] Status try_to_confine();

}  // namespace aiotrace::probe
