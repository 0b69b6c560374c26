// Limits the time that aiotrace spends on the files of one process.
#pragma once

#include <cstdint>

#include "util/clock.h"

namespace aiotrace::symbolize {

/// One second at once, and 10 % of the elapsed time. Libraries of ordinary programs need less. It limits what a process
/// that maps new files all the time can take from others. It is wall time, because reading a file may wait for a file
/// server.
class WorkAllowance {
 public:
  /// Counts during its lifetime.
  class Timer {
   public:
    explicit Timer(std::uint64_t& sum_ns) : sum_ns_(sum_ns), begin_ns_(monotonic_ns()) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { sum_ns_ += monotonic_ns() - begin_ns_; }

   private:
    std::uint64_t& sum_ns_;
    std::uint64_t begin_ns_;
  };

  [[nodiscard]] Timer start() { return Timer(spent_ns_); }
  [[nodiscard]] bool is_left() const {
    constexpr std::uint64_t kAtOnceNs = 1'000'000'000;
    return spent_ns_ < kAtOnceNs + (monotonic_ns() - since_ns_) / 10;
  }

 private:
  std::uint64_t since_ns_ = monotonic_ns();
  std::uint64_t spent_ns_ = 0;
};

}  // namespace aiotrace::symbolize
