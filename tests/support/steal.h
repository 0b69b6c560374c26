// What the hypervisor takes from this machine while a test runs: neither the target nor the kernel's scheduler sees it,
// and it lengthens whatever was on the CPU.
#pragma once

namespace aiotrace::testing {

/// From now on stolen_ns() counts. Every Target does so when it starts.
void count_steal();
/// Stolen from all CPUs since then, at most 25 ms: beyond that a comparison would say nothing. 0 on bare metal.
/// Source: /proc/stat, eighth field of "cpu" (Documentation/filesystems/proc.rst), in steps of 10 ms.
[[nodiscard]] double stolen_ns();

}  // namespace aiotrace::testing
