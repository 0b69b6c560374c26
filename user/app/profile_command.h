// `aiotrace profile`: where the threads of processes spend their time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/profile.h"
#include "util/result.h"

namespace aiotrace::app {

struct ProfileCommandOptions {
  std::vector<std::int32_t> pids;
  bool all = false;                   ///< every Python process of the machine
  std::optional<std::string> comm;    ///< with `all`: only processes of this command name
  std::optional<std::string> cgroup;  ///< with `all`: only processes of this control group and those below it
  std::vector<std::string> command;   ///< behind "--"; empty: none
  std::optional<std::uint64_t> duration_ns;
  model::ProfileMode mode = model::ProfileMode::cpu;
  model::ProfileBy by = model::ProfileBy::none;
  double frequency_hz = 99;
  std::uint64_t min_ns = 1'000'000;  ///< intervals off the CPU that are told on their own
  std::size_t top = 10;              ///< rows of each table shown as text; 0: all
  std::optional<std::string> json;   ///< "-": standard output
  std::optional<std::string> folded;
  std::optional<std::string> speedscope;
  std::optional<std::string> pprof;
  std::optional<std::string> perfetto;
  std::optional<std::string> html;
  bool verbose = false;
  std::optional<std::string> message;  ///< --help: nothing more to do
};

/// Errors are of kind usage and fit on one line. argv[1] is the command's name.
[[nodiscard]] Result<ProfileCommandOptions> parse_profile_options(int argc, const char* const* argv);

/// The exit status.
[[nodiscard]] int run_profile(int argc, const char* const* argv);

}  // namespace aiotrace::app
