// `aiotrace -p PID`, `-a` and `-- COMMAND`: stalls as they happen, a summary at the end.
#pragma once

#include <cstdint>
#include <optional>

#include "app/cli/run_options.h"
#include "app/commands/command.h"
#include "probe/poll_probe.h"

namespace aiotrace::app {

struct WatchOptions {
  TargetOptions targets;
  OutputFiles files;
  bool follow = false;  ///< children of the watched processes
  std::optional<std::uint64_t> duration_ns;
  std::uint64_t warn_ns = 50'000'000;
  std::uint64_t error_ns = 200'000'000;
  std::optional<std::uint64_t> fail_over_ns;  ///< a stall this long makes the exit status 4
  bool native = false;                        ///< whole native stacks
  probe::PollProbe poll_probe = probe::PollProbe::automatic;
  bool leaks = true;          ///< look for leaks too (not with all processes)
  bool hangs = true;          ///< look for hangs too
  bool fail_on_hang = false;  ///< a proved hang makes the exit status 4
  bool quiet = false;
  bool verbose = false;
};

class Watch final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] int run() override;

  [[nodiscard]] const WatchOptions& options() const { return options_; }

 private:
  WatchOptions options_;
  std::optional<std::uint64_t> warn_ns_, error_ns_;  // as given
};

}  // namespace aiotrace::app
