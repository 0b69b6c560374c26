// Data about an event loop at a moment, or at the end of its thread: the source of live views and metrics. Only data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/stall.h"
#include "model/statistics.h"

namespace aiotrace::model {

struct LoopNow {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string command;  ///< the process's name; UTF-8, not cleaned
  std::string thread;   ///< Python's name or the comm; not cleaned
  LoopKind kind = LoopKind::other;
  std::uint64_t now_ns = 0;              ///< the moment, CLOCK_MONOTONIC
  std::uint64_t seen_ns = 0;             ///< since when it is traced
  LoopCounters counters;                 ///< statistics of the iterations that have ended
  std::uint64_t present_ns = 0;          ///< how long the present iteration has lasted; 0: it is in its poll
  std::uint64_t present_seen_ns = 0;     ///< the part of that after the attach
  std::optional<std::uint64_t> ready{};  ///< number of ready callbacks in the loop's queue; nothing: unknown
};

}  // namespace aiotrace::model
