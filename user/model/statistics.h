// Stalls added up: by cause and by place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/histogram.h"
#include "model/stall.h"
#include "model/summary.h"

namespace aiotrace::model {

/// The frame that represents a stack without Python frames: the innermost native one with a name that is not in the C
/// library, else the innermost one with a name. Null if there is none, or if there is a Python frame.
[[nodiscard]] const Frame* native_frame(const Stack& stack);

/// The ended iterations of a loop.
struct LoopCounters {
  std::uint64_t iterations = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t max_ns = 0;
  std::array<std::uint32_t, kHistogramBuckets> buckets{};  ///< of their durations, see histogram_bucket()

  /// The present iteration: an iteration without an end is counted in no other way. `unseen_ns` of it were before the
  /// attach, and are not busy time.
  void add_present(std::uint64_t lasted_ns, std::uint64_t unseen_ns);
};

/// The row of a loop. The caller has to fill in `kind`, `thread` and `stalls`.
[[nodiscard]] LoopSummary summarize_loop(std::uint32_t pid, std::uint32_t tid, const LoopCounters& counters);

/// Each stall must be added once: when it has ended, or as unfinished.
class Statistics {
 public:
  /// Places beyond this number are merged: the smallest become one.
  static constexpr std::size_t kMaxPlaces = 10'000;

  void add(const Stall& stall);

  [[nodiscard]] std::uint64_t stalls() const { return stalls_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  /// The stalls of one loop; all loops together add up to stalls().
  [[nodiscard]] std::uint64_t stalls_of(std::uint32_t pid, std::uint32_t tid) const;
  /// The sum equals the stalls' durations.
  [[nodiscard]] const std::array<std::uint64_t, kCauses>& cause_ns() const { return cause_ns_; }
  /// At most `limit` places, largest first, then the smaller ones as one (`others`). Their sum equals cause_ns().
  [[nodiscard]] std::vector<Place> places(std::size_t limit = kMaxPlaces) const;

 private:
  struct Key {
    std::optional<Cause> cause;  // of a place that stands apart, or has no frame
    std::string syscall;         // of a place without a frame
    std::string comm;
    std::string function;
    std::string file;
    std::uint32_t line = 0;  // line of a call that waits; 0: all lines of the function without such a call
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Calls {
    Cause cause = Cause::other;
    std::string syscall;
    std::uint64_t ns = 0;
  };
  struct Advice {
    std::string text;
    std::uint64_t ns = 0;  // length of the longest segment, to which the advice belongs
  };
  struct Value {
    std::uint64_t ns = 0;
    std::array<std::uint64_t, kCauses> cause_ns{};
    std::vector<Calls> calls;
    std::uint64_t stalls = 0;
    std::uint64_t max_ns = 0;
    std::string coroutine;
    bool coroutine_differs = false;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> lines;  // line, ns
    std::array<Advice, kCauses> advice;                          // by cause
  };
  using Map = std::unordered_map<Key, Value, KeyHash>;

  using Part = std::unordered_map<Key, std::uint64_t, KeyHash>;  // of one stall

  static Key key_of(const Segment& segment, const std::string& comm, std::uint32_t& line);
  void add(const Segment& segment, const Stall& stall, Part& here);
  [[nodiscard]] static Place place_of(const Key& key, const Value& value);
  static void merge_into(Place& others, const Value& value);
  void shrink();

  std::uint64_t stalls_ = 0;
  std::uint64_t errors_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> by_loop_;  // by pid and tid
  std::array<std::uint64_t, kCauses> cause_ns_{};
  Map places_;
  Place others_{};
};

}  // namespace aiotrace::model
