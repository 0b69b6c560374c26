// Time that the hypervisor takes from this machine during a test: neither the target nor the kernel's scheduler sees
// it, and it lengthens all work on the CPU.
#pragma once

namespace aiotrace::testing {

/// From now on stolen_ns() counts. Every Target does so when it starts.
void count_steal();
/// Stolen from all CPUs since then, at most 25 ms: with more time a comparison would be meaningless. 0 on bare metal.
/// Source: /proc/stat, eighth field of "cpu" (Documentation/filesystems/proc.rst), in steps of 10 ms.
[[nodiscard]] double stolen_ns();

}  // namespace aiotrace::testing
