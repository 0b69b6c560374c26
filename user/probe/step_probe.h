// The kernel side of `awaits --exact`: uprobes on a process's task steps, and what they counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "abi/steps.h"
#include "util/result.h"

namespace aiotrace::probe {

/// What a function that is probed does.
enum class StepPoint {
  send,         ///< resumes a coroutine: am_send, or _PyGen_Send (<= 3.9)
  raise,        ///< resumes it with an exception: the method throw()
  future_done,  ///< gives a future its result, exception or cancellation
  task_made,    ///< Task.__init__
};

struct StepSite {
  step_key key{};
  step_stats stats{};
};
struct StepGroup {
  group_key key{};
  step_stats stats{};
};
/// Of one thread of the process.
struct StepThreadCost {
  std::uint32_t tid = 0;
  std::uint64_t entries = 0;  ///< traps
  std::uint64_t returns = 0;
  std::uint64_t run_ns = 0;  ///< of the programs in them
};

struct TrapPrice {
  std::uint64_t entry_ns = 0;
  std::uint64_t return_ns = 0;
};

/// Whether a uprobe on an instruction that begins so has to single-step it (arch/x86/kernel/uprobes.c emulates pushes
/// of registers, calls, jumps and nops).
[[nodiscard]] bool is_stepped(std::span<const std::byte> instruction);

class StepProbe {
 public:
  /// Loads the programs; nothing is attached yet. Errors as Probe::load().
  [[nodiscard]] static Result<StepProbe> load(const step_config& config);

  StepProbe(StepProbe&&) noexcept;
  StepProbe& operator=(StepProbe&&) noexcept;
  StepProbe(const StepProbe&) = delete;
  StepProbe& operator=(const StepProbe&) = delete;
  ~StepProbe();

  /// A function of this program for price(). `stepped`: it begins with an instruction that the kernel cannot emulate,
  /// which costs a trap on it a second one.
  [[nodiscard]] static std::uintptr_t priced_code(bool stepped);
  /// What one trap costs on this machine, measured on priced_code(stepped), which is at `offset` of the file `path`.
  [[nodiscard]] Result<TrapPrice> price(bool stepped, const std::string& path, std::uint64_t offset);

  /// At `offset` of the file `path`, as the process config.pid has it mapped.
  Status attach(StepPoint point, const std::string& path, std::uint64_t offset);
  void detach();
  /// Awaits that begin and end between the two are counted; the moment (CLOCK_MONOTONIC).
  std::uint64_t begin();
  std::uint64_t end();

  /// Readable when records wait.
  [[nodiscard]] int fd() const;
  Status consume(const std::function<void(const chain_record&)>& take);
  /// User space has a name for a chain: it is not told of again.
  Status set_named(std::uint64_t chain, bool unwanted);

  [[nodiscard]] std::vector<StepSite> sites() const;
  [[nodiscard]] std::vector<StepGroup> groups() const;
  [[nodiscard]] std::vector<StepThreadCost> costs() const;
  /// Tasks that wait now.
  [[nodiscard]] std::vector<step_task> waiting() const;
  [[nodiscard]] std::array<std::uint64_t, STEP_LOSS_MAX> losses() const;

 private:
  struct Impl;
  explicit StepProbe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
