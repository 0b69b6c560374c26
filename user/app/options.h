// What the user asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "probe/poll_probe.h"
#include "util/result.h"

namespace aiotrace::app {

struct Options {
  std::vector<std::int32_t> pids;
  bool all = false;                   ///< every loop on the machine
  bool follow = false;                ///< children of the watched processes
  std::optional<std::string> comm;    ///< with `all`: only processes of this command name
  std::optional<std::string> cgroup;  ///< with `all`: only processes of this control group and those below it
  std::vector<std::string> command;   ///< behind "--"; empty: none
  std::optional<std::uint64_t> duration_ns;
  std::uint64_t warn_ns = 50'000'000;
  std::uint64_t error_ns = 200'000'000;
  std::optional<std::uint64_t> fail_over_ns;  ///< a stall this long makes the exit status 4
  std::optional<std::string> json;            ///< "-": standard output
  std::optional<std::string> folded;
  std::optional<std::string> html;
  std::optional<std::string> perfetto;
  std::optional<std::string> speedscope;
  std::optional<std::string> pprof;
  std::optional<std::string> record;
  bool native = false;  ///< whole native stacks
  probe::PollProbe poll_probe = probe::PollProbe::automatic;
  bool leaks = true;  ///< look for leaks too (not with `all`)
  bool quiet = false;
  bool verbose = false;

  /// Nothing more to do (--help, --version): this text goes to standard output.
  std::optional<std::string> message;
};

/// Errors are of kind usage and fit on one line.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

inline constexpr const char* kVersion = "0.1.0";

}  // namespace aiotrace::app
