// Where the threads of processes spend their time: samples on a CPU and waits off it, added up by thread, task, cause
// and stack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/stacks.h"
#include "model/stall.h"
#include "model/weighted_stacks.h"

namespace aiotrace::model {

enum class ProfileMode : std::uint8_t {
  cpu,      ///< samples
  off_cpu,  ///< intervals off the CPU
  wall,     ///< both
  gil,      ///< who holds it, who waits for it
};
/// What is at the root of the stacks.
enum class ProfileBy : std::uint8_t { none, thread, task, coroutine };

/// The names that a user types.
template <>
struct Names<ProfileMode> {
  static constexpr std::array<std::string_view, 4> list{"cpu", "off-cpu", "wall", "gil"};
};
template <>
struct Names<ProfileBy> {
  static constexpr std::array<std::string_view, 4> list{"none", "thread", "task", "coroutine"};
};

/// Time of one thread that differs only in its length.
struct ProfileRow {
  enum class Kind : std::uint8_t {
    sample,   ///< on a CPU; `ns` is an estimate, `count` the samples
    wait,     ///< intervals off the CPU; exact
    shorter,  ///< intervals too short to be reported separately; exact, without stack
    idle,     ///< in the loop's own poll; exact, without stack
  };
  Kind kind = Kind::sample;
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread;
  std::optional<Task> task;
  Cause cause = Cause::other;  ///< not used for `idle`
  std::string syscall;         ///< empty: none
  std::optional<Culprit> culprit;
  StackRef stack;          ///< empty: none
  bool holds_gil = false;  ///< known only in a profile of the GIL
  std::uint64_t ns = 0;
  std::uint64_t count = 0;
  std::uint64_t max_ns = 0;  ///< the longest interval; 0 of samples
};
template <>
struct Names<ProfileRow::Kind> {
  static constexpr std::array<std::string_view, 4> list{"sample", "wait", "shorter", "idle"};
};

/// Adds up rows. At most `max_rows`: further ones are added, without stack, task and culprit, to one row for each
/// thread and cause.
class Profile {
 public:
  static constexpr std::size_t kMaxRows = 20'000;
  explicit Profile(std::size_t max_rows = kMaxRows) : max_rows_(max_rows) {}

  void add(ProfileRow row);
  /// Sets the CPU time that a thread's samples stand for: `all` is the number of its samples, including those in no
  /// row. A thread without samples gets one row without a stack.
  void set_cpu_time(std::uint32_t pid, std::uint32_t tid, const std::string& thread, std::uint64_t cpu_ns,
                    std::uint64_t all);

  /// Largest first.
  [[nodiscard]] std::vector<ProfileRow> rows() const;
  [[nodiscard]] std::uint64_t over() const { return over_; }  ///< rows for which there was no room

 private:
  std::size_t max_rows_;
  std::uint64_t over_ = 0;
  std::vector<ProfileRow> rows_;
  std::unordered_map<std::string, std::size_t> row_at_;
};

/// A function's part in a profile.
struct ProfileFunction {
  Frame frame;                 ///< its line is the one with most of self_ns, else of total_ns
  std::uint64_t self_ns = 0;   ///< time in which it was innermost
  std::uint64_t total_ns = 0;  ///< including the functions that it called
  std::uint64_t error_ns = 0;  ///< error of total_ns: two standard deviations, for the sampled part
};

/// The functions of these rows by self_ns, then total_ns. A recursive function counts once for each row. A native leaf
/// is a function of its own.
[[nodiscard]] std::vector<ProfileFunction> functions_of(const std::vector<ProfileRow>& rows);

/// The native frame in which a sample ran, above its Python stack; nothing if the row has none.
[[nodiscard]] std::optional<Frame> native_leaf(const ProfileRow& row);

/// Rows as stacks: at the root the process (if `with_process`), then the item of `by`; at the leaf marks for the cause
/// and the system call, except for plain Python code.
void add_profile(WeightedStacks& stacks, const std::vector<ProfileRow>& rows, ProfileBy by, bool with_process);

/// One thread, from when it was first seen to its end or the end of the profile. The parts add up to elapsed_ns.
struct ProfileThread {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::string thread;
  std::uint64_t elapsed_ns = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t idle_ns = 0;
  std::array<std::uint64_t, kCauses> cause_ns{};  ///< time off the CPU
  std::uint64_t samples = 0;
};

}  // namespace aiotrace::model
