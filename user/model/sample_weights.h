// How much of an iteration's time on a CPU each of its samples counts for.
#pragma once

#include <cstdint>

namespace aiotrace::model {

/// The period of fine samples.
inline constexpr std::uint64_t kFineSampleNs = 1'000'000;

/// The samples of one iteration, in their order. Before the thread is sampled finely one stands for up to twenty
/// times as much as later ones: a single look would decide over two fifths of a short stall. So what it stands for
/// beyond the usual is shared with those that come after it.
///
/// Up to the next wait, that is: the program does something else after it. What a sample stands for but was before the
/// wait belongs to the sample before that.
class SampleWeights {
 public:
  struct Weight {
    std::uint64_t own = 0;     ///< of this sample, in ns, at least 1
    std::uint64_t before = 0;  ///< to be added to the sample before it
  };

  /// A sample at this time that stands for `cpu_ns` on a CPU. What is still owed at the iteration's end is nobody's:
  /// weights are relative.
  Weight take(std::uint64_t time_ns, std::uint64_t cpu_ns);

  /// The thread was off the CPU for `ns` from `start_ns` on. `blocked`: in a call that the program made, not for a CPU
  /// or for the GIL. Gives what is still owed for the last sample, which it has to itself now.
  [[nodiscard]] std::uint64_t wait(std::uint64_t start_ns, std::uint64_t ns, bool blocked);

  void clear() { *this = SampleWeights(); }

 private:
  std::uint64_t owed_ns_ = 0;
  std::uint64_t votes_ = 0;
  std::uint64_t last_ns_ = 0;  // the time of the last sample; 0: none
  std::uint64_t ran_ns_ = 0;   // on the CPU between it and the first wait after it
  std::uint64_t away_ns_ = 0;  // off the CPU since, before such a wait
  bool waited_ = false;
};

}  // namespace aiotrace::model
