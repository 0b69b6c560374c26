// noise COMMAND…: runs the command while noise.bpf.c takes time from every CPU, then reports how much. Exit status: the
// command's; 125 if there is no noise.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "noise.h"
#include "noise.skel.h"
#include "probe/handles.h"
#include "probe/perf_events.h"
#include "util/clock.h"
#include "util/result.h"

namespace aiotrace::testing {
namespace {

constexpr int kNoNoise = 125;
constexpr int kNoCommand = 127;
// The accuracy with which the BPF program meets the chosen times.
constexpr std::uint64_t kTickNs = 479'000;

/// Takes time from each online CPU during its lifetime.
class Noise {
 public:
  [[nodiscard]] Status start() {
    skeleton_.reset(noise_bpf::open_and_load());
    if (!skeleton_) return fail_errno("load the program that takes time", errno);
    const int cpus = ::libbpf_num_possible_cpus();
    for (int cpu = 0; cpu < cpus; ++cpu) {
      perf_event_attr tick{};
      tick.type = PERF_TYPE_SOFTWARE;
      tick.config = PERF_COUNT_SW_CPU_CLOCK;
      tick.sample_period = kTickNs;
      auto event = probe::open_perf_event(tick, -1, cpu);
      if (!event && errno == ENODEV) continue;  // offline
      const auto what = "take time from CPU " + std::to_string(cpu);
      if (!event) return fail_errno(what, errno);
      auto link = probe::attach_to_event(skeleton_->progs.take_time, std::move(event), what);
      if (!link) return std::unexpected(link.error());
      links_.push_back(std::move(*link));
    }
    return {};
  }

  [[nodiscard]] std::size_t cpus() const { return links_.size(); }
  /// Of all CPUs.
  [[nodiscard]] noise taken() const {
    std::vector<noise> each(static_cast<std::size_t>(::libbpf_num_possible_cpus()));
    const __u32 zero = 0;
    noise sum{};
    if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.noises), &zero, each.data()) != 0) return sum;
    for (const auto& one : each) {
      sum.taken_ns += one.taken_ns;
      sum.times += one.times;
    }
    return sum;
  }

 private:
  probe::Skeleton<noise_bpf> skeleton_;
  std::vector<probe::Link> links_;
};

int run(char** command) {
  // The terminal sends Ctrl-C to both processes: the command decides what to do.
  ::signal(SIGINT, SIG_IGN);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGINT);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, command[0], nullptr, &attributes, command, environ);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    std::fprintf(stderr, "noise: start %s: %s\n", command[0], std::strerror(error));
    return kNoCommand;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace
}  // namespace aiotrace::testing

int main(int argc, char** argv) {
  using namespace aiotrace;
  if (argc < 2) {
    std::fprintf(stderr, "usage: noise COMMAND...\n");
    return testing::kNoNoise;
  }
  testing::Noise noise;
  const auto began_ns = monotonic_ns();
  if (const auto started = noise.start(); !started) {
    std::fprintf(stderr, "noise: %s\n", started.error().message().c_str());
    return testing::kNoNoise;
  }
  const int status = testing::run(argv + 1);
  const auto seconds = static_cast<double>(monotonic_ns() - began_ns) / 1e9;
  const auto taken = noise.taken();
  const auto taken_s = static_cast<double>(taken.taken_ns) / 1e9;
  const auto cpus = static_cast<double>(noise.cpus());
  std::printf("noise: took %.1f s from %zu CPUs in %.0f s (%.1f %%), %.0f times a second on each, %.2f ms each time\n",
              taken_s, noise.cpus(), seconds, 100 * taken_s / (seconds * cpus),
              static_cast<double>(taken.times) / (seconds * cpus),
              taken.times == 0 ? 0 : 1000 * taken_s / static_cast<double>(taken.times));
  return status;
}
