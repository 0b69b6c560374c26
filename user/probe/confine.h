// A filter on aiotrace's own system calls.
#pragma once

#include "util/result.h"

namespace aiotrace::probe {

/// What a daemon needs beside watching.
struct Confinement {
  bool accepts = false;   ///< connections to sockets that listen already
  bool connects = false;  ///< to others
};

/// From here on this process, with all its threads to come, can only make the system calls that watching takes: no
/// program can be started, no file opened for writing, no memory of others written, no code made, nothing mounted, no
/// connection made, unless `daemon` says so. Any other call is EPERM. To be called when every output is open and every
/// probe in place, with one thread. Under sanitizers it does nothing. The error: the kernel has no filters
/// (CONFIG_SECCOMP_FILTER), or a container's own filter forbids them.
Status confine(const Confinement& daemon = {});

/// Whether confine() would work, tried in a child.
[[nodiscard]] Status try_to_confine();

}  // namespace aiotrace::probe
