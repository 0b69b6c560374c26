// The kernel side of `awaits --exact`: uprobes on a process's task steps, and what they counted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "abi/steps.h"
#include "probe/trap_meter.h"
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
  std::uint64_t stepped = 0;  ///< of the entries
  std::uint64_t returns = 0;
  std::uint64_t run_ns = 0;  ///< of the programs in them
};

class StepProbe {
 public:
  /// Loads the programs; nothing is attached yet. Errors as Probe::load().
  [[nodiscard]] static Result<StepProbe> load(const step_config& config);

  StepProbe(StepProbe&&) noexcept;
  StepProbe& operator=(StepProbe&&) noexcept;
  StepProbe(const StepProbe&) = delete;
  StepProbe& operator=(const StepProbe&) = delete;
  ~StepProbe();

  /// From now on price() is known; the arguments as of TrapMeter::attach().
  Status meter_traps(const std::string& path, std::uint64_t offset, bool stepped);
  [[nodiscard]] TrapPrice price(unsigned calls) const;

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
