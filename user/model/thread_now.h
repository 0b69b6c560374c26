// The state of a traced thread at a moment, in addition to its events.
#pragma once

#include <array>
#include <cstdint>

#include "model/events.h"

namespace aiotrace::model {

/// Times are CLOCK_MONOTONIC.
struct ThreadNow {
  enum class State : std::uint8_t {
    running,   ///< on a CPU, or unknown
    in_poll,   ///< in its loop's own poll: idle, whatever the reason
    runnable,  ///< runnable: another thread took its CPU
    blocked,   ///< it waits; with `woken_ns` the wait is over, and it is runnable
  };
  /// The last time that it left its CPU: the reason and the place.
  struct SwitchOut {
    Cause cause = Cause::other;
    std::int32_t syscall = -1;  ///< -1: none
    std::int32_t fd = -1;       ///< -1: none
    std::array<std::uint64_t, 4> args{};
    std::uint64_t stack_id = 0;
    std::uint64_t holder_tstate = 0;
    std::uint64_t holder_stack = 0;
    std::uint32_t holder_tid = 0;
    bool has_target = false;  ///< the thread's last TargetSeen belongs to it
    bool holds_gil = false;   ///< the thread held the GIL; known only in a profile of the GIL
  };

  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  LoopSource source = LoopSource::plain;
  std::int32_t epfd = -1;
  bool epfd_settled = false;  ///< `epfd` is known to be its loop's epoll; otherwise it was only seen to wait on it
  bool exited = false;
  std::uint64_t iteration = 0;
  std::uint64_t start_ns = 0;   ///< of the present iteration; 0: it is in none
  bool open_start = false;      ///< the iteration began before the attach,
  std::uint64_t unseen_ns = 0;  ///< by this long
  State state = State::running;
  std::uint64_t since_ns = 0;  ///< when it left its CPU, unless it runs
  std::uint64_t woken_ns = 0;  ///< when it became runnable; 0: not yet
  bool throttled = false;      ///< its control group had used up its quota when it became runnable
  bool has_task = false;       ///< the wait belongs to the last TaskSeen of the iteration
  SwitchOut switch_out;        ///< the present one, unless it runs or is in its poll
  /// Time off the CPU in the present iteration, without the present wait. In a profile: since its ThreadTimes began.
  std::array<std::uint64_t, kCauses> cause_ns{};
  std::array<std::uint32_t, kCauses> cause_count{};
  std::uint32_t losses = 0;  ///< records of the iteration for which the ring buffer had no room
  HeldUp held_up{};          ///< so far
};

/// One thread of a profile, as the scheduler sees it. Times are CLOCK_MONOTONIC.
struct ThreadTimes {
  std::uint64_t first_ns = 0;  ///< start of the time that is accounted for
  std::uint64_t on_ns = 0;     ///< when it was switched in; 0: it is not on a CPU
  std::uint64_t cpu_ns = 0;    ///< time on a CPU up to on_ns
  std::uint64_t idle_ns = 0;   ///< time in its loop's own poll, without the present stay
};

}  // namespace aiotrace::model
