// Threads that existed before their probes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/events.h"

struct loop_thread;  // bpf/abi/thread.h

namespace aiotrace::probe {

/// A thread that existed before its probes.
struct ThreadSeed {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::int32_t epfd = -1;  ///< the epoll on which it waits in its poll; -1: it does not
  bool selects = false;    ///< it waits in its loop's own select or poll. If neither is set, it is inside an iteration
  bool python = false;
  std::uint64_t began_ns = 0;  ///< when its iteration began, or when it was read
  std::uint64_t seen_ns = 0;   ///< from here on its work is seen; at least began_ns
  /// Inside an iteration: its wait.
  struct Waiting {
    model::Cause cause = model::Cause::other;
    std::int32_t syscall = -1;
    std::array<std::uint64_t, 4> args{};
    std::uint64_t stack_id = 0;
    bool has_task = false;       ///< user space knows the task
    std::uint64_t since_ns = 0;  ///< from began_ns to seen_ns; the time before is unknown
  };
  std::optional<Waiting> waiting;  ///< nothing: it runs, or is runnable
  [[nodiscard]] bool idle() const { return epfd >= 0 || selects; }
};

/// A thread of a profile that existed before its probes.
struct ProfileSeed {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  bool idle = false;                           ///< it waits in its loop's own poll
  std::optional<ThreadSeed::Waiting> waiting;  ///< otherwise its wait; nothing: it runs
};

/// Converts it to BPF's form.
[[nodiscard]] loop_thread thread_of(const ThreadSeed& seed);
[[nodiscard]] loop_thread thread_of(const ProfileSeed& seed, std::uint64_t now_ns);

}  // namespace aiotrace::probe
