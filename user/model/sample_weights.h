// How much of an iteration's time on a CPU each of its samples counts for.
#pragma once

#include <cstdint>

namespace aiotrace::model {

/// The period of fine samples.
inline constexpr std::uint64_t kFineSampleNs = 1'000'000;

/// The samples of one iteration, in their order. Before the thread is sampled finely, a sample stands for up to twenty
/// times as much time as later ones: a single sample would decide two fifths of a short stall. So the excess is shared
/// with the samples that follow.
///
/// It is shared only up to the next wait, because the program does something else after a wait. The part of a sample's
/// time before the wait belongs to the sample before the wait.
class SampleWeights {
 public:
  struct Weight {
    std::uint64_t own = 0;     ///< weight of this sample, in ns, at least 1
    std::uint64_t before = 0;  ///< to be added to the sample before it
  };

  /// A sample at this time that stands for `cpu_ns` on a CPU. A rest at the iteration's end is dropped, because weights
  /// are relative.
  Weight take(std::uint64_t time_ns, std::uint64_t cpu_ns);

  /// The thread was off the CPU for `ns` from `start_ns` on. `blocked`: in a call that the program made, not for a CPU
  /// or for the GIL. Returns the rest of the last sample's time, which now belongs to that sample alone.
  [[nodiscard]] std::uint64_t wait(std::uint64_t start_ns, std::uint64_t ns, bool blocked);

  void clear() { *this = SampleWeights(); }

 private:
  std::uint64_t owed_ns_ = 0;
  std::uint64_t votes_ = 0;
  std::uint64_t last_ns_ = 0;  // time of the last sample; 0: none
  std::uint64_t ran_ns_ = 0;   // CPU time between it and the first wait after it
  std::uint64_t away_ns_ = 0;  // time off the CPU since then, before such a wait
  bool waited_ = false;
};

}  // namespace aiotrace::model
