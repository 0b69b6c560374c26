// The cost of BPF programs, as the kernel counts it.
#pragma once

#include <cstdint>
#include <optional>

#include "util/unique_fd.h"

struct bpf_object;

namespace aiotrace::probe {

/// The cost of the programs since they were attached, from the windows in which it was measured (BPF_ENABLE_STATS,
/// Linux 5.8).
struct RunCost {
  std::uint64_t run_ns = 0;
  std::uint64_t runs = 0;
  std::uint64_t measured_ns = 0;  ///< of the time since then
};

/// Measuring doubles the cost of a program run (the clock is read twice), so it is done in windows.
class RunMeter {
 public:
  /// `programs` are attached, and must outlive this object.
  void begin(const bpf_object* programs, std::uint64_t now_ns);
  /// Opens or closes a window: call this about every 50 ms.
  void measure_now_and_then(std::uint64_t now_ns);
  /// Since begin(), scaled up from the windows; nothing where the kernel does not report it.
  [[nodiscard]] std::optional<RunCost> cost() const;

 private:
  /// In the windows so far.
  [[nodiscard]] RunCost measured() const;
  /// The kernel's counts, whoever requested them; without measured_ns.
  [[nodiscard]] RunCost counted() const;

  const bpf_object* programs_ = nullptr;
  std::uint64_t began_ns_ = 0;
  bool may_measure_ = true;
  UniqueFd stats_;  // the kernel measures while it is open
  std::uint64_t window_start_ns_ = 0;
  RunCost at_window_start_;  // if somebody else measures too, the kernel's counts continue outside the windows
  RunCost closed_windows_;
  std::uint64_t windows_ = 0;
  RunCost first_window_;  // has costs that occur once: not scaled up
};

}  // namespace aiotrace::probe
