// Since when threads wait that already waited at the attach, from the scheduler's own data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "util/result.h"

namespace aiotrace::probe {

/// Linux stores for each task when it was last switched in (task_struct::sched_info, CONFIG_SCHED_INFO) and how long it
/// has run since (sched_entity). The clock of these differs from CLOCK_MONOTONIC by an offset that drifts slowly; the
/// offset is measured with the calling thread's own switch-in. Needs kernel 5.8 and CONFIG_SCHED_INFO.
class OffSince {
 public:
  [[nodiscard]] static Result<OffSince> load();

  OffSince(OffSince&&) noexcept;
  OffSince& operator=(OffSince&&) noexcept;
  OffSince(const OffSince&) = delete;
  OffSince& operator=(const OffSince&) = delete;
  ~OffSince();

  /// When the thread left its CPU (CLOCK_MONOTONIC): never too early, and too late by at most some tens of
  /// microseconds. Nothing if it runs, is runnable or has ended, or if the kernel does not provide the data.
  [[nodiscard]] std::optional<std::uint64_t> of(std::uint32_t tid) const;

 private:
  struct Impl;
  explicit OffSince(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
