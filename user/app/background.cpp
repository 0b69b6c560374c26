#include "app/background.h"

#include <algorithm>

#include "probe/privileges.h"

namespace aiotrace::app {

// The priority stays as it is: process_vm_readv holds the target's mmap_lock, and a thread that is preempted with it
// makes the target's mmap() and munmap() wait. At nice 10 on a busy machine that took 150 to 300 ms, at nice 0 14 ms.
void keep_rights_to_read() { [[maybe_unused]] const auto given_up = probe::keep_capabilities_to_read(); }

std::uint64_t pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns) {
  constexpr std::uint64_t kLongestNs = 600'000'000'000;
  return std::clamp(cpu_ns * kShareOfTime, least_ns, kLongestNs);
}

std::uint64_t LookShare::first_ns(std::uint64_t step_ns) const {
  constexpr std::size_t kAtOnce = 4;
  return position < kAtOnce ? 0 : (position - kAtOnce + 1) * step_ns;
}

std::uint64_t LookShare::pause_after(std::uint64_t cpu_ns, std::uint64_t least_ns) const {
  return app::pause_after(cpu_ns * processes, least_ns);
}

}  // namespace aiotrace::app
