// What hangs, as people and programs read it. Passive data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/hold_how.h"
#include "model/names.h"
#include "model/stall.h"

namespace aiotrace::model {

enum class HangVerdict : std::uint8_t {
  deadlock,
  self_wait,  ///< a loop's thread waits for what only its loop can finish
  unresolvable,
  abandoned,  ///< held, but by nobody who lives
  cancel_ignored,
  pipe,
  exhausted,
  held,
  waiting,  ///< nothing is proved
};
/// A verdict that nothing but the program's end, or somebody's cancelling, changes. A task that ignored its
/// cancellation may still end in its own time.
[[nodiscard]] constexpr bool is_final(HangVerdict verdict) {
  return verdict < HangVerdict::exhausted && verdict != HangVerdict::cancel_ignored;
}
template <>
struct Names<HangVerdict> {
  static constexpr std::array<std::string_view, 9> list{"deadlock",  "self-wait",      "unresolvable",
                                                        "abandoned", "cancel-ignored", "pipe",
                                                        "exhausted", "held",           "waiting"};
};

enum class ResourceKind : std::uint8_t {
  lock,
  semaphore,
  condition,
  event,
  queue,
  future,
  executor,
  pool,
  process,
  pipe,
  thread,
};
template <>
struct Names<ResourceKind> {
  static constexpr std::array<std::string_view, 11> list{"lock",    "semaphore", "condition", "event",
                                                         "queue",   "future",    "executor",  "pool",
                                                         "process", "pipe",      "thread"};
};

enum class PartyState : std::uint8_t { sleeping, running, waiting, ended };
template <>
struct Names<PartyState> {
  static constexpr std::array<std::string_view, 4> list{"sleeping", "running", "waiting", "ended"};
};

/// Of a longer ring only so many parties are described one by one: the rest waits behind them.
inline constexpr std::size_t kMaxRing = 256;
/// Frames of one party's stack, and of all hangs of one scan together: a program can have a million of tasks, each some
/// thousand calls deep.
inline constexpr std::size_t kMaxPartyFrames = 256;
inline constexpr std::size_t kMaxHangFrames = 100'000;

struct HangResource {
  ResourceKind kind = ResourceKind::lock;
  std::string class_name{};  ///< empty: unknown
  std::string name{};        ///< "app.CACHE_LOCK", "Service.lock"; empty: none found
  std::optional<std::uint64_t> capacity{};
  std::optional<std::uint64_t> out{};
  std::uint64_t waiting = 0;
};

/// A task or thread, or several of the same kind at the same place.
struct HangParty {
  bool task = true;
  std::uint64_t id = 0;   ///< of the first: what id(task) is in the program; a thread's tid
  std::uint32_t tid = 0;  ///< a thread's; of a task that of its loop; 0: not known
  std::string name{};     ///< UTF-8, not cleaned
  std::uint64_t count = 1;
  PartyState state = PartyState::waiting;
  std::optional<HoldHow> how{};  ///< of a holder
  std::string waits_for{};       ///< "lock app.L2"; empty: not for a resource
  Stack stack{};                 ///< innermost first, the inner kMaxPartyFrames
};

struct Hang {
  std::uint64_t id = 0;
  std::uint32_t pid = 0;
  std::optional<std::uint64_t> since_ns{};  ///< CLOCK_MONOTONIC: seen to wait from then on at the latest
  HangVerdict verdict = HangVerdict::waiting;
  bool exact = false;
  HangResource resource{};
  std::vector<HangParty> waiters{};
  std::vector<HangParty> holders{};
  std::vector<std::uint64_t> ring{};  ///< ids of parties in order, at most kMaxRing; empty: none
  std::uint64_t ring_more = 0;        ///< parties of the ring that are not in `ring`
};

/// Not only concluded.
[[nodiscard]] inline bool is_proved(const Hang& hang) { return is_final(hang.verdict) && hang.exact; }

/// What is said once for each look at a process.
struct HangScan {
  std::uint32_t pid = 0;
  std::uint64_t number = 1;
  std::uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC, of its beginning
  std::uint64_t duration_ns = 0;
  std::size_t tasks = 0;
  std::size_t threads = 0;
  std::size_t unreadable = 0;  ///< tasks that went on while they were read
  bool torn = false;           ///< some tasks may be missing
};

}  // namespace aiotrace::model
