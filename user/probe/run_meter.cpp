#include "probe/run_meter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe/privileges.h"
#include "util/clock.h"

namespace aiotrace::probe {

void RunMeter::begin(const bpf_object* programs, std::uint64_t now_ns) {
  programs_ = programs;
  began_ns_ = now_ns;
}

void RunMeter::measure_now_and_then(std::uint64_t now_ns) {
  constexpr std::uint64_t kWindowNs = 50'000'000;
  // Switching it patches the kernel's code, which takes half a millisecond each time.
  constexpr std::uint64_t kSecondAfterNs = 500'000'000;
  constexpr std::uint64_t kEveryNs = 1'000'000'000;
  if (!may_measure_) return;
  if (stats_) {
    if (now_ns - window_start_ns_ < kWindowNs) return;
    closed_windows_ = measured();
    stats_.reset();
    windows_++;
    if (first_window_.measured_ns == 0) first_window_ = closed_windows_;
    return;
  }
  if (window_start_ns_ != 0 && now_ns - window_start_ns_ < (windows_ < 2 ? kSecondAfterNs : kEveryNs)) return;
  const AdminForAMoment admin;
  stats_.reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
  may_measure_ = static_cast<bool>(stats_);
  window_start_ns_ = now_ns;
  at_window_start_ = counted();
}

RunCost RunMeter::measured() const {
  RunCost cost = closed_windows_;
  if (!stats_) return cost;
  const auto now = counted();
  cost.run_ns += now.run_ns - at_window_start_.run_ns;
  cost.runs += now.runs - at_window_start_.runs;
  cost.measured_ns += monotonic_ns() - window_start_ns_;
  return cost;
}

RunCost RunMeter::counted() const {
  RunCost cost;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs_) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) continue;
    cost.run_ns += info.run_time_ns;
    cost.runs += info.run_cnt;
  }
  return cost;
}

std::optional<RunCost> RunMeter::cost() const {
  const auto now = measured();
  if (now.measured_ns == 0) return std::nullopt;
  auto fixed = first_window_;
  if (now.measured_ns <= fixed.measured_ns) fixed = RunCost{};
  const auto elapsed_ns = static_cast<double>(monotonic_ns() - began_ns_ - fixed.measured_ns);
  const double scale = elapsed_ns / static_cast<double>(now.measured_ns - fixed.measured_ns);
  const auto scaled = [scale](std::uint64_t all, std::uint64_t once) {
    return once + static_cast<std::uint64_t>(static_cast<double>(all - once) * scale);
  };
  return RunCost{.run_ns = scaled(now.run_ns, fixed.run_ns),
                 .runs = scaled(now.runs, fixed.runs),
                 .measured_ns = now.measured_ns};
}

}  // namespace aiotrace::probe
