// Since when threads wait that were found waiting: what the scheduler itself remembers of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "util/result.h"

namespace aiotrace::probe {

/// Linux keeps for each task when it came onto a CPU last (task_struct::sched_info, CONFIG_SCHED_INFO) and how long it
/// has run since (sched_entity). Its clock differs from CLOCK_MONOTONIC by an offset that drifts slowly; the calling
/// thread's own arrival measures it. Kernels from 5.8 with CONFIG_SCHED_INFO.
class OffSince {
 public:
  [[nodiscard]] static Result<OffSince> load();

  OffSince(OffSince&&) noexcept;
  OffSince& operator=(OffSince&&) noexcept;
  OffSince(const OffSince&) = delete;
  OffSince& operator=(const OffSince&) = delete;
  ~OffSince();

  /// When the thread left its CPU (CLOCK_MONOTONIC), not earlier than it did; up to some tens of microseconds later.
  /// Nothing if it runs, is ready to run or has ended, or if the kernel doesn't say.
  [[nodiscard]] std::optional<std::uint64_t> of(std::uint32_t tid) const;

 private:
  struct Impl;
  explicit OffSince(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
