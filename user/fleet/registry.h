// What the daemon counts: one set of series for each service, its processes and loops added up. Counters never fall.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "model/leaks.h"
#include "model/statistics.h"
#include "proc/service.h"

namespace aiotrace::fleet {

/// Upper limits of the histogram of iterations; above the last one is +Inf.
inline constexpr std::array<std::uint64_t, 10> kLimitsNs{1'000'000,     5'000'000,     25'000'000,  50'000'000,
                                                         100'000'000,   200'000'000,   500'000'000, 1'000'000'000,
                                                         2'500'000'000, 10'000'000'000};
inline constexpr std::size_t kSteps = kLimitsNs.size() + 1;
inline constexpr std::size_t kKinds = model::Names<model::LoopKind>::list.size();

/// The step that a duration belongs to.
[[nodiscard]] std::size_t step_of(std::uint64_t ns);

/// Iterations by step, from the finer buckets that BPF counts in. One that holds a limit goes to the side on which most
/// of it lies: a limit is met within 6 %.
using Steps = std::array<std::uint64_t, kSteps>;
[[nodiscard]] Steps steps_of(const model::LoopCounters& counters);

/// A stall to look up in the recordings: the latest one of each step.
struct Exemplar {
  std::uint64_t stall_id = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t end_ns = 0;  ///< CLOCK_MONOTONIC
};

/// The series of one service.
struct SeriesSet {
  std::string labels;           ///< as the text formats have them, escaped: a="b",c="d"
  std::uint64_t active_ns = 0;  ///< inside iterations, the ones that go on too
  std::uint64_t idle_ns = 0;
  Steps iterations{};
  std::uint64_t iterations_ns = 0;  ///< of those that have ended
  std::array<std::uint64_t, model::kCauses> stall_ns{};
  std::array<bool, model::kCauses> had_cause{};
  std::uint64_t warnings = 0;  ///< stalls that were no errors
  std::uint64_t errors = 0;
  std::array<std::optional<Exemplar>, kSteps> exemplars{};
  std::array<std::uint64_t, kKinds> loops{};  ///< now, by kind
  std::uint64_t ongoing_ns = 0;               ///< the longest stall that goes on now; 0: none does
  std::uint64_t alive_ns = 0;                 ///< when it had a loop last (CLOCK_MONOTONIC)
  std::uint64_t since_ns = 0;                 ///< what it counts is from then on
  std::optional<std::uint64_t> tasks{};       ///< now; nullopt: none of its processes is looked at
  std::optional<model::LeakCounts> leaks{};   ///< likewise: what are leaks
};

struct Limits {
  std::size_t sets = 2000;  ///< OpenTelemetry's default for one metric
  std::uint64_t keep_ns = 300'000'000'000;
};

/// What was read of a loop. Times are of CLOCK_MONOTONIC.
struct LoopReading {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  model::LoopKind kind = model::LoopKind::other;
  std::uint64_t now_ns = 0;
  std::uint64_t seen_ns = 0;  ///< since when its time is counted
  std::uint64_t present_ns =
      0;  ///< how long the present iteration lasts, since aiotrace sees it; 0: it waits in its poll
};

/// Pure: the time comes from the caller.
class Registry {
 public:
  explicit Registry(Limits limits = {}) : limits_(limits) {}

  /// Call it whenever the counters of a loop were read. `stall_ns`: a present iteration at least this long is a stall.
  void update(const proc::Service& service, const LoopReading& loop, const model::LoopCounters& counters,
              std::uint64_t stall_ns);
  /// The loop is gone; what it counted stays. Call update() with its last counters before.
  void end(std::uint32_t pid, std::uint32_t tid, std::uint64_t now_ns);
  /// Once for each stall: when it has ended, or its end will not be seen.
  void add(const proc::Service& service, const model::Stall& stall);
  /// What the looks at a process found last; what is nothing stays as it was.
  void looked(const proc::Service& service, std::uint32_t pid, std::optional<std::uint64_t> tasks,
              const std::optional<model::LeakCounts>& leaks);
  /// It is looked at no longer.
  void end_looks(std::uint32_t pid);
  /// Forgets the sets that have had no loop for Limits::keep_ns.
  void forget(std::uint64_t now_ns);

  /// In an order that does not change.
  [[nodiscard]] const std::map<proc::Service, SeriesSet>& sets() const { return sets_; }
  /// The services that found no room, added up; null: none.
  [[nodiscard]] const SeriesSet* overflow() const { return overflowed_ != 0 ? &overflow_ : nullptr; }
  /// How many times a service found no room.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }
  [[nodiscard]] std::size_t loops() const { return loops_.size(); }

 private:
  struct Loop {
    SeriesSet* set = nullptr;
    model::LoopKind kind = model::LoopKind::other;
    std::uint64_t iterations = 0;  // as of the last reading, like the following
    std::uint64_t busy_ns = 0;
    Steps steps{};
    std::uint64_t active_ns = 0;
    std::uint64_t idle_ns = 0;
    std::uint64_t ongoing_ns = 0;
  };
  struct Looks {
    SeriesSet* set = nullptr;
    std::optional<std::uint64_t> tasks{};
    std::optional<model::LeakCounts> leaks{};
  };
  static std::uint64_t key_of(std::uint32_t pid, std::uint32_t tid) { return (std::uint64_t{pid} << 32) | tid; }
  SeriesSet& set_of(const proc::Service& service, std::uint64_t since_ns);
  void count_now(Loop& loop, model::LoopKind kind, std::uint64_t ongoing_ns);
  void find_ongoing(SeriesSet& set) const;
  void add_looks(SeriesSet& set) const;

  Limits limits_;
  std::map<proc::Service, SeriesSet> sets_;
  SeriesSet overflow_;
  std::uint64_t overflowed_ = 0;
  std::unordered_map<std::uint64_t, Loop> loops_;
  std::map<std::uint32_t, Looks> looks_;  // by pid
};

/// What the metrics call a service: its labels. Two processes whose identities are equal share a set.
[[nodiscard]] proc::Service metric_identity(proc::Service service);

}  // namespace aiotrace::fleet
