// What a traced thread does at a moment: what is known of it beside its events.
#pragma once

#include <array>
#include <cstdint>

#include "model/events.h"

namespace aiotrace::model {

/// Times are CLOCK_MONOTONIC.
struct ThreadNow {
  enum class State : std::uint8_t {
    running,   ///< on a CPU, or nothing is known yet
    in_poll,   ///< in its loop's own poll: idle, whatever the reason
    runnable,  ///< ready for a CPU that another thread took from it
    blocked,   ///< it waits; with `woken_ns` it has waited, and is ready for a CPU
  };
  /// The last time that it left its CPU: why and where.
  struct SwitchOut {
    Cause cause = Cause::other;
    std::int32_t syscall = -1;  ///< -1: none
    std::int32_t fd = -1;       ///< -1: none
    std::array<std::uint64_t, 4> args{};
    std::uint64_t stack_id = 0;
    std::uint64_t holder_tstate = 0;
    std::uint64_t holder_stack = 0;
    std::uint32_t holder_tid = 0;
    bool has_target = false;  ///< the thread's last TargetSeen is its
    bool holds_gil = false;   ///< the thread kept it; known only in a profile of the GIL
  };

  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  LoopSource source = LoopSource::plain;
  std::int32_t epfd = -1;
  bool epfd_settled = false;  ///< `epfd` is known to be its loop's; else it was only seen to wait on it
  bool exited = false;
  std::uint64_t iteration = 0;
  std::uint64_t start_ns = 0;   ///< of the present iteration; 0: it is in none
  bool open_start = false;      ///< the iteration began before aiotrace came,
  std::uint64_t unseen_ns = 0;  ///< and so long before
  State state = State::running;
  std::uint64_t since_ns = 0;  ///< when it left its CPU, unless it runs
  std::uint64_t woken_ns = 0;  ///< when it became ready to run again; 0: not yet
  bool throttled = false;      ///< its control group had no quota left when it became ready
  bool has_task = false;       ///< the wait belongs to the last TaskSeen of the iteration
  SwitchOut switch_out;        ///< the present one, unless it runs or is in its poll
  /// Off the CPU in the present iteration, up to the wait that goes on. In a profile: since its ThreadTimes began.
  std::array<std::uint64_t, kCauses> cause_ns{};
  std::array<std::uint32_t, kCauses> cause_count{};
  std::uint32_t losses = 0;  ///< records of the iteration that found no room
  HeldUp held_up{};          ///< so far
};

/// One thread of a profile as the scheduler saw it. Times are CLOCK_MONOTONIC.
struct ThreadTimes {
  std::uint64_t first_ns = 0;  ///< its time is known from here on
  std::uint64_t on_ns = 0;     ///< since when it is on a CPU; 0: it is not
  std::uint64_t cpu_ns = 0;    ///< on a CPU up to on_ns
  std::uint64_t idle_ns = 0;   ///< in its loop's own poll, up to a stay that goes on
};

}  // namespace aiotrace::model
