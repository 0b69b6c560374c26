// Options that every command with BPF programs passes to them, and the cost that it reports at its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/summary.h"
#include "probe/probe.h"

namespace aiotrace::app {

/// For ProbeOptions::syscalls.
[[nodiscard]] std::vector<probe::Syscall> syscall_waits();

/// "6.18.5"; empty if the kernel does not say.
[[nodiscard]] std::string kernel_release();

/// The cost of tracing up to now.
[[nodiscard]] model::Cost own_cost(const probe::Probe& probe);

}  // namespace aiotrace::app
