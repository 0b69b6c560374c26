// What a thread did, in the order of time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/stacks.h"
#include "model/stall.h"

namespace aiotrace::model {

/// At most `most` stretches of one thread; further ones are dropped. Events must be added in the order of the ring
/// buffer.
class Moments {
 public:
  static constexpr std::size_t kMax = 256;  ///< of one iteration
  explicit Moments(std::size_t most = kMax) : most_(most) {}

  /// A sample on a CPU stands for the `cpu_ns` before it. Consecutive samples in the same function make one stretch.
  void add_sample(std::uint64_t time_ns, std::uint64_t cpu_ns, Cause cause, const std::string& syscall,
                  const StackRef& stack);
  /// Time off the CPU: exact.
  void add_wait(std::uint64_t start_ns, std::uint64_t ns, Cause cause, const std::string& syscall,
                const StackRef& stack, const std::optional<Culprit>& culprit);
  void clear() { all_.clear(); }

  [[nodiscard]] const std::vector<Moment>& all() const { return all_; }

 private:
  [[nodiscard]] std::uint64_t end_of_last() const { return all_.empty() ? 0 : all_.back().start_ns + all_.back().ns; }

  std::size_t most_;
  std::vector<Moment> all_;
};

}  // namespace aiotrace::model
