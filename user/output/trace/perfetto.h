// Perfetto's trace format: packets with tracks, slices and counters (protos/perfetto/trace/trace.proto).
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/stall.h"

namespace aiotrace::output {

/// Slices of one thread lie on its tracks.
enum class PerfettoLane : std::uint8_t { thread, gil_holder, no_cpu };

/// A message `Trace` in the making. Times are of CLOCK_MONOTONIC; names are cut to 1 KB of valid UTF-8. On one track
/// slices must be nested, or follow each other in the order of time.
class PerfettoTrace {
 public:
  using Arguments = std::vector<std::pair<std::string_view, std::string>>;  ///< entries without text are left out

  /// `unix_ns` is CLOCK_REALTIME at `start_ns`.
  PerfettoTrace(std::uint64_t start_ns, std::int64_t unix_ns);

  /// Each may be called again, and writes only once. A process must come before its threads and counters.
  void declare_process(std::uint32_t pid, const std::string& name);
  void declare_thread(std::uint32_t pid, std::uint32_t tid, const std::string& name);
  /// A counter of the process; `number` identifies it for the caller.
  void declare_counter(std::uint32_t pid, std::uint32_t number, std::string_view name);

  void begin(std::uint32_t tid, PerfettoLane lane, std::uint64_t time_ns, std::string_view category,
             std::string_view name, const Arguments& arguments);
  void end(std::uint32_t tid, PerfettoLane lane, std::uint64_t time_ns);
  void slice(std::uint32_t tid, PerfettoLane lane, std::uint64_t start_ns, std::uint64_t end_ns,
             std::string_view category, std::string_view name, const Arguments& arguments);
  /// A point in time of a whole process, which must be declared before.
  void instant(std::uint32_t pid, std::uint64_t time_ns, std::string_view category, std::string_view name,
               const Arguments& arguments);
  void count(std::uint32_t number, std::uint64_t time_ns, std::uint64_t value);

  /// What a thread did between two times, with the holder of the GIL and the processes that had the CPU on separate
  /// tracks.
  void add_moments(std::uint32_t tid, std::uint64_t from_ns, std::uint64_t to_ns,
                   std::span<const model::Moment> moments);

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void named_track(std::uint32_t tid, PerfettoLane lane, std::string_view name);
  template <class Describe>
  void add_track(std::uint64_t uuid, const Describe& describe);
  template <class More>
  void add_event(std::uint64_t time_ns, std::uint64_t type, std::uint64_t track, const More& more);
  void named_event(std::uint64_t type, std::uint64_t track, std::uint64_t time_ns, std::string_view category,
                   std::string_view name, const Arguments& arguments);

  std::string out_;
  std::set<std::uint32_t> processes_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> threads_;
  std::set<std::uint32_t> counters_;
};

/// "load (app.py:7)"; with the line if it is known.
[[nodiscard]] std::string perfetto_frame(const model::Frame& frame);

}  // namespace aiotrace::output
