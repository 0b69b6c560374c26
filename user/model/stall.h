// What the model reports: stalls with their segments, and the running statistics. Only data.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/events.h"
#include "model/hold_how.h"
#include "model/names.h"

namespace aiotrace::model {

/// One frame of a stack, for people.
struct Frame {
  enum class Kind : std::uint8_t { python, native, kernel };
  Kind kind = Kind::python;
  std::string function;    ///< qualified if the code object has the qualified name; UTF-8, not cleaned
  std::string file;        ///< as the code object has it; empty: unknown
  std::uint32_t line = 0;  ///< 0: unknown
  bool operator==(const Frame&) const = default;
};
template <>
struct Names<Frame::Kind> {
  static constexpr std::array<std::string_view, 3> list{"python", "native", "kernel"};
};
/// Innermost first.
using Stack = std::vector<Frame>;

struct Task {
  std::optional<std::string> name;
  std::string coroutine;   ///< qualified name of the root coroutine
  std::string file;        ///< of its definition; empty: unknown
  std::uint32_t line = 0;  ///< its first line; 0: unknown
  bool operator==(const Task&) const = default;
};

/// A process that ran while the thread was runnable.
struct Runner {
  std::uint32_t pid = 0;
  std::string comm;
  std::uint64_t ns = 0;
  bool operator==(const Runner&) const = default;
};

/// The thread that held the GIL.
struct GilHolder {
  std::uint32_t tid = 0;  ///< 0: unknown
  std::string thread{};   ///< name of the thread
  Stack stack{};
  bool operator==(const GilHolder&) const = default;
};

/// The thread that holds a lock.
struct LockHolder {
  std::uint32_t tid = 0;
  std::string thread{};  ///< name of the thread
  HoldHow how = HoldHow::with;
  Stack stack{};
  bool operator==(const LockHolder&) const = default;
};

/// A lock that is not the GIL.
struct LockAt {
  std::uint64_t address = 0;           ///< of the futex, in the target
  std::string name{};                  ///< "app.CACHE_LOCK"; empty: not known
  std::optional<LockHolder> holder{};  ///< found while the thread waited; nothing: not looked up, or unknown
  bool operator==(const LockAt&) const = default;
};

struct FileUse {
  std::string path{};
  std::string op{};  ///< read, write, sync, open, stat, lock, other
  bool operator==(const FileUse&) const = default;
};

struct SocketEnds {
  std::string protocol{};  ///< tcp, udp, unix
  std::string local{};
  std::string peer{};
  std::optional<bool> dns{};
  bool operator==(const SocketEnds&) const = default;
};

struct ChildProcess {
  std::uint32_t pid = 0;
  std::string comm{};
  bool operator==(const ChildProcess&) const = default;
};

struct NativeFunction {
  std::string library{};
  std::string function{};
  bool operator==(const NativeFunction&) const = default;
};

/// The file whose page a fault waited for.
struct MappedFile {
  std::string path{};
  bool operator==(const MappedFile&) const = default;
};

/// Processes that ran instead, largest first.
struct Runners {
  std::vector<Runner> running{};
  bool operator==(const Runners&) const = default;
};

/// The control group that had used up its quota.
struct CpuQuota {
  std::string cgroup{};
  std::uint64_t quota_us = 0;
  std::uint64_t period_us = 0;
  bool operator==(const CpuQuota&) const = default;
};

/// The culprit, if known. Recordings store its number, so a new kind must be added at the end.
using Culprit =
    std::variant<NativeFunction, GilHolder, FileUse, SocketEnds, ChildProcess, LockAt, MappedFile, Runners, CpuQuota>;

/// The culprit in an optional value or behind a pointer, if it is of this kind; else null.
template <class Kind, class Maybe>
[[nodiscard]] auto* culprit_as(Maybe& culprit) {
  return culprit ? std::get_if<Kind>(&*culprit) : nullptr;
}

struct Segment {
  Cause cause = Cause::other;
  std::uint64_t ns = 0;
  std::uint64_t count = 0;  ///< times (blocked, runnable) or samples (on a CPU) in it; 0: none seen
  std::string syscall;      ///< name; empty: none or unknown
  std::optional<Culprit> culprit;
  std::optional<Stack> stack;     ///< nullopt: unknown
  bool stack_unreadable = false;  ///< the stack ends at a frame that could not be read
  bool stack_too_deep = false;
};

/// An interval of a stall, in the order of time. Waits are exact; on a CPU it is from the first sample to the last.
struct Moment {
  std::uint64_t start_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t ns = 0;
  Cause cause = Cause::other;
  std::string syscall;  ///< empty: none or unknown
  std::shared_ptr<const Frame>
      frame;  ///< the frame that represents it; its line is that of the beginning; null: unknown
  std::shared_ptr<const Culprit> culprit;  ///< null: unknown
};

enum class LoopKind : std::uint8_t { asyncio, uvloop, other };
template <>
struct Names<LoopKind> {
  static constexpr std::array<std::string_view, 3> list{"asyncio", "uvloop", "other"};
};

struct Stall {
  std::uint64_t id = 0;
  std::uint64_t start_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t duration_ns = 0;
  bool error = false;  ///< over --error
  bool ongoing = false;
  bool at_least = false;  ///< began before aiotrace could see it
  /// If it began before the attach: start_ns is still its beginning, on the loop's own clock. The time before the
  /// attach counts for the wait at the attach, else for the later samples. False: start_ns is the time of the attach.
  bool start_known = false;
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread;  ///< Python's name or the comm
  LoopKind loop_kind = LoopKind::other;
  std::int32_t epfd = -1;
  std::optional<Task> task;
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< adds up to duration_ns
  std::vector<Segment> segments;                  ///< largest first; adds up to duration_ns
  HeldUp held_up{};
  std::uint32_t losses = 0;  ///< records of this stall that were lost
  /// The stall is a sum of many callbacks, none of them long, according to samples.
  struct Callbacks {
    std::uint64_t count = 0;  ///< a lower bound
    std::uint64_t longest_ns = 0;
  };
  std::optional<Callbacks> callbacks;
  /// For an ongoing stall in a wait for a lock: what the process's other Python threads do.
  struct OtherThread {
    std::uint32_t tid = 0;
    std::string thread;
    Stack stack;
  };
  std::vector<OtherThread> other_threads;
  /// In the order of time, the first Moments::kMax, for graphics. Without waits that are too short to be reported
  /// separately.
  std::vector<Moment> moments;
  std::string comm{};  ///< service of its process; empty: unknown
};

}  // namespace aiotrace::model
