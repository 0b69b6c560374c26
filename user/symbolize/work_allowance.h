// How long the files of one process may keep aiotrace busy.
#pragma once

#include <cstdint>

#include "util/clock.h"

namespace aiotrace::symbolize {

/// A second at once, and a tenth of the time that goes by: more than any program's libraries take, and what a process
/// that maps ever new ones can take from the others. Wall time: reading a file may wait for who serves it.
class WorkAllowance {
 public:
  /// Counts until it ends.
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
