// The kernel side of `awaits --exact`: uprobes on a process's task steps, and their counts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/exact_awaits.h"
#include "probe/trap_meter.h"
#include "util/result.h"

struct step_config;  // bpf/abi/steps.h

namespace aiotrace::probe {

/// The purpose of a probed function.
enum class StepPoint {
  send,         ///< resumes a coroutine: am_send, or _PyGen_Send (<= 3.9)
  raise,        ///< resumes it with an exception: the method throw()
  future_done,  ///< gives a future its result, exception or cancellation
  task_made,    ///< Task.__init__
};

/// Options of a run that do not depend on the process.
struct StepOptions {
  std::optional<std::string> match = {};       ///< task names that contain this are marked; its end may be ignored
  std::vector<std::uint64_t> stepped_at = {};  ///< addresses whose instruction costs a second trap: only the first few
};

/// Ended awaits of one await chain.
struct StepSite {
  std::uint64_t chain = 0;  ///< as model::AwaitChainSeen has it
  bool matched = false;     ///< awaits of tasks with --match in their names
  model::Durations waited;
};
/// Delays of ready tasks whose names differ only in digits.
struct StepGroup {
  std::string name;           ///< '*' for digits; empty: unreadable
  bool is_coroutine = false;  ///< the tasks have no name of their own: this is their coroutine's name
  model::Durations delays;
};
/// A task that waits now.
struct WaitingTask {
  std::uint64_t task = 0;      ///< address
  std::uint64_t since_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint64_t chain = 0;
  bool matched = false;
};
/// Losses, by their name in JSON.
struct StepLoss {
  std::string_view name;
  std::uint64_t count = 0;
};
/// Counters of one thread of the process.
struct StepThreadCost {
  std::uint32_t tid = 0;
  std::uint64_t entries = 0;  ///< traps
  std::uint64_t stepped = 0;  ///< entries at a single-stepped instruction
  std::uint64_t returns = 0;
  std::uint64_t run_ns = 0;  ///< run time of the programs in them
};

class StepProbe {
 public:
  /// Loads the programs; nothing is attached yet. Errors as Probe::load().
  [[nodiscard]] static Result<StepProbe> load(const step_config& process, const StepOptions& options);

  StepProbe(StepProbe&&) noexcept;
  StepProbe& operator=(StepProbe&&) noexcept;
  StepProbe(const StepProbe&) = delete;
  StepProbe& operator=(const StepProbe&) = delete;
  ~StepProbe();

  /// From now on price() returns a value; the arguments are those of TrapMeter::attach().
  Status meter_traps(const std::string& path, std::uint64_t offset, bool stepped);
  [[nodiscard]] TrapPrice price(unsigned calls) const;

  /// Attaches at `offset` of the file `path`, as the process has it mapped.
  Status attach(StepPoint point, const std::string& path, std::uint64_t offset);
  void detach();
  /// Awaits that begin and end between these two calls are counted; both return the time (CLOCK_MONOTONIC).
  std::uint64_t begin();
  std::uint64_t end();

  /// Readable when there are records.
  [[nodiscard]] int fd() const;
  /// Passes on every waiting record, in order, for decode::decode_chain().
  Status consume(const std::function<void(std::span<const std::byte>)>& take);
  /// User space has a name for a chain: it is not sent again.
  Status set_named(std::uint64_t chain, bool unwanted);

  [[nodiscard]] std::vector<StepSite> sites() const;
  [[nodiscard]] std::vector<StepGroup> groups() const;
  [[nodiscard]] std::vector<StepThreadCost> costs() const;
  [[nodiscard]] std::vector<WaitingTask> waiting() const;
  /// All losses, including those with the count 0.
  [[nodiscard]] std::vector<StepLoss> losses() const;

 private:
  struct Impl;
  explicit StepProbe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
