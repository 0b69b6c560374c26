// Events in the traced processes, decoded and owned: the input of the model and of the session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/held_up.h"

namespace aiotrace::model {

/// The cause of a segment. The numbers are those of `enum cause` in BPF and of recordings.
enum class Cause : std::uint8_t {
#define CAUSE(ID, id, number, ...) id = (number),
#include "abi/causes.def"
#undef CAUSE
};
inline constexpr std::size_t kCauses = 0
#define CAUSE(...) +1  // NOLINT(bugprone-macro-parentheses): a sum
#include "abi/causes.def"
#undef CAUSE
    ;

/// The name in JSON: "cpu-wait".
[[nodiscard]] std::string_view name(Cause cause);

/// Fields that every event has. Ids are from the initial pid namespace, times CLOCK_MONOTONIC.
struct EventHead {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint64_t time_ns = 0;
};

enum class LoopSource : std::uint8_t { plain, asyncio, python };

struct LoopSeen {
  EventHead head;
  std::int32_t epfd = -1;
  LoopSource source = LoopSource::plain;
  std::string comm;
};

/// A code object's names; text is UTF-8 (lone surrogates and bad data become U+FFFD).
struct CodeSeen {
  EventHead head;
  std::uint64_t code_id = 0;
  std::uint64_t address = 0;
  std::uint32_t first_line = 0;
  std::uint32_t flags = 0;  ///< co_flags
  std::string function;
  std::string file;
  bool function_cut = false;  ///< cut in the record: the object at the address has the rest
  bool file_cut = false;
  std::uint64_t function_address = 0;
  std::uint64_t file_address = 0;
  std::uint64_t linetable_address = 0;
  std::uint32_t linetable_size = 0;     ///< size of the object in bytes
  std::vector<std::uint8_t> linetable;  ///< empty if larger than the record holds
};

struct RawFrame {
  std::uint64_t code_id = 0;
  std::int32_t lasti = -1;  ///< byte offset in the bytecode
  bool coroutine = false;
  bool entry = false;  ///< C code called the evaluation of this frame; never set before 3.11
};

struct StackSeen {
  EventHead head;
  std::uint64_t stack_id = 0;
  std::vector<RawFrame> frames;  ///< innermost first
  bool unreadable = false;
  bool too_deep = false;
};

struct TaskSeen {
  EventHead head;
  std::uint64_t iteration = 0;
  std::uint64_t task = 0;       ///< address; 0: unknown
  std::uint64_t coroutine = 0;  ///< address
  std::uint64_t code_id = 0;    ///< of the root coroutine
  std::string name;             ///< "Task-12"; empty if unknown
  bool name_known = false;
  std::string qualname;       ///< of the root coroutine
  bool name_cut = false;      ///< cut in the record: the task has the rest
  bool qualname_cut = false;  ///< cut in the record: the coroutine has the rest
};

struct Blocked {
  EventHead head;
  std::uint64_t iteration = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t runnable_ns = 0;
  std::uint64_t stack_id = 0;
  std::array<std::uint64_t, 4> args{};
  Cause cause = Cause::other;
  std::int32_t syscall = -1;
  std::uint32_t count = 1;
  std::int32_t fd = -1;
  std::uint64_t holder_tstate = 0;
  std::uint64_t holder_stack = 0;
  std::uint32_t holder_tid = 0;
  bool has_task = false;
  bool has_target = false;       ///< the thread's last TargetSeen belongs to it
  bool throttled = false;        ///< the runnable part is throttled
  bool has_native = false;       ///< the thread's last NativeSeen belongs to it
  bool has_runs = false;         ///< the thread's last RunsSeen belongs to it
  bool holds_gil = false;        ///< the thread held the GIL during the wait; known only in a profile of the GIL
  std::uint32_t runner_pid = 0;  ///< the process that left the CPU for this thread; 0: the CPU was idle
  std::string runner_comm;
};

/// Processes that had the CPU while the thread was runnable, for the block that follows.
struct RunsSeen {
  struct Run {
    std::uint64_t end_ns = 0;
    std::uint32_t pid = 0;  ///< 0: nobody
    std::string comm;       ///< the process's
  };
  EventHead head;  ///< time_ns: when the thread got a CPU
  std::uint64_t iteration = 0;
  std::uint64_t since_ns = 0;  ///< when it became runnable
  std::vector<Run> runs;       ///< one after the other, the newest first; the oldest began at since_ns or before
};

/// The target of a wait, as the kernel knows it.
struct TargetSeen {
  enum class Kind : std::uint8_t { path, file, socket, child, address };
  EventHead head;
  std::uint64_t iteration = 0;
  Kind kind = Kind::file;
  std::int32_t fd = -1;
  std::int32_t syscall = -1;
  std::uint64_t inode = 0;
  std::uint64_t address = 0;      ///< of a major fault: belongs to the block before this event
  std::uint32_t mode = 0;         ///< i_mode
  bool deleted = false;           ///< the file has no name any more (it was deleted)
  std::string path;               ///< path: as the program gave it; file: from the root; socket: a unix socket's
  bool path_is_peers = false;     ///< of a unix socket
  std::uint16_t family = 0;       ///< AF_*
  std::uint16_t protocol = 0;     ///< IPPROTO_*
  std::uint32_t socket_type = 0;  ///< SOCK_*
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  std::array<std::uint8_t, 16> local{};  ///< network order, the first four bytes for IPv4
  std::array<std::uint8_t, 16> peer{};
  std::uint32_t child_pid = 0;
  std::string comm;  ///< the child's
};

struct Sample {
  static constexpr std::size_t kMostWords = 64;
  EventHead head;
  std::uint64_t iteration = 0;
  std::uint64_t stack_id = 0;
  std::uint64_t ip = 0;
  std::uint64_t callback = 0;  ///< distinguishes callbacks of one iteration; 0: not known
  std::uint64_t sp = 0;        ///< user stack pointer; 0 in kernel mode
  std::uint64_t bp = 0;        ///< frame pointer, with sp
  std::uint64_t cpu_ns = 0;    ///< CPU time that it stands for: since the iteration's last sample or its beginning
  std::int32_t syscall = -1;
  bool kernel = false;
  bool gc = false;
  bool has_task = false;
  bool has_native = false;           ///< the thread's last NativeSeen belongs to it
  bool wants_fine = false;           ///< the iteration is long, and its thread is sampled coarsely
  bool holds_gil = false;            ///< known only in a profile of the GIL
  std::vector<std::uint64_t> words;  ///< top of the user stack, when the leaf was outside the interpreter
};

/// A thread's registers and the top of its stack, for the sample or block that follows.
struct NativeSeen {
  static constexpr std::size_t kMostBytes = 16384;  ///< of the stack
  EventHead head;
  std::uint64_t iteration = 0;
  std::array<std::uint64_t, 8> registers{};  ///< instruction and stack pointer, then as Machine has them
  std::vector<std::byte> stack;              ///< from the stack pointer on
};

struct IterationEnd {
  EventHead head;
  std::uint64_t iteration = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t duration_ns = 0;
  std::array<std::uint64_t, kCauses> cause_ns{};
  std::array<std::uint32_t, kCauses> cause_count{};
  std::int32_t epfd = -1;
  std::uint32_t samples = 0;
  std::uint32_t losses = 0;
  HeldUp held_up{};
  bool exited = false;
  bool open_start = false;
};

struct ProcessExec {
  EventHead head;
  std::string comm;
};
struct ThreadExit {
  EventHead head;
};
struct ProcessExit {
  EventHead head;
  std::uint32_t exit_code = 0;
};
struct ProcessFork {
  EventHead head;
  std::uint32_t child_pid = 0;
  std::uint32_t child_tid = 0;
};

/// An await chain that has no name yet; from another ring buffer than the events below. Addresses are valid while the
/// task is in that await.
struct AwaitChainSeen {
  struct Link {
    std::uint64_t code = 0;   ///< of the code object
    std::int32_t lasti = -1;  ///< byte offset of the instruction in the bytecode
  };
  EventHead head;
  std::uint64_t chain = 0;  ///< the same for all chains at the same places; never 0
  std::uint64_t task = 0;
  std::uint64_t coroutine = 0;
  std::vector<Link> links;  ///< the root coroutine's comes first
  bool too_deep = false;    ///< the innermost links are missing
};

using Event = std::variant<LoopSeen, CodeSeen, StackSeen, TaskSeen, TargetSeen, RunsSeen, Blocked, Sample, NativeSeen,
                           IterationEnd, ProcessExec, ThreadExit, ProcessExit, ProcessFork>;

}  // namespace aiotrace::model
