// Threads that were there before their probes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/events.h"

struct loop_thread;  // bpf/abi/thread.h

namespace aiotrace::probe {

/// A thread that was there before its probes.
struct ThreadSeed {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::int32_t epfd = -1;  ///< it waits in its poll on this one; -1: it does not
  bool selects = false;    ///< it waits in its loop's own select or poll. Neither: it is in the middle of an iteration
  bool python = false;
  std::uint64_t began_ns = 0;  ///< when its iteration began, or when it was looked at
  std::uint64_t seen_ns = 0;   ///< what it does is seen from now on; at least began_ns
  /// In the middle of an iteration: what it waits for.
  struct Waiting {
    model::Cause cause = model::Cause::other;
    std::int32_t syscall = -1;
    std::array<std::uint64_t, 4> args{};
    std::uint64_t stack_id = 0;
    bool has_task = false;       ///< the task is known to user space
    std::uint64_t since_ns = 0;  ///< from began_ns to seen_ns; nobody knows what was before
  };
  std::optional<Waiting> waiting;  ///< nothing: it runs, or is ready to
  [[nodiscard]] bool idle() const { return epfd >= 0 || selects; }
};

/// A thread of a profile that was there before its probes.
struct ProfileSeed {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  bool idle = false;                           ///< it waits in its loop's own poll
  std::optional<ThreadSeed::Waiting> waiting;  ///< else what it waits for; nothing: it runs
};

/// As BPF keeps it.
[[nodiscard]] loop_thread thread_of(const ThreadSeed& seed);
[[nodiscard]] loop_thread thread_of(const ProfileSeed& seed, std::uint64_t now_ns);

}  // namespace aiotrace::probe
