#include "app/background.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "probe/privileges.h"

namespace aiotrace::app {

void step_back() {
  constexpr int kNice = 10;
  // A failure to lower the priority is no reason to stop.
  [[maybe_unused]] const auto given_up = probe::keep_capabilities_to_read();
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

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
