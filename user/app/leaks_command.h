// `aiotrace leaks -p PID`: coroutines and tasks that leak.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::app {

inline constexpr std::uint64_t kDefaultLeakAgeNs = 60'000'000'000;

struct LeaksOptions {
  std::vector<std::int32_t> pids;
  std::uint64_t age_ns = kDefaultLeakAgeNs;  ///< older than this it is a leak
  bool age_given = false;
  std::optional<std::uint64_t> watch_ns;  ///< look again and again, this far apart
  std::optional<std::uint64_t> duration_ns;
  bool fail_on_leak = false;
  bool origin = false;  ///< tell who made what leaks, of what is made from now on
  std::optional<std::string> html;
  std::optional<std::string> json;  ///< "-": standard output
  bool quiet = false;
  bool verbose = false;
  std::optional<std::string> message;  ///< --help: nothing more to do

  /// Looks of one run without --watch: a second one, --age after the first, where an answer is asked for that one look
  /// cannot give and waiting for it is reasonable.
  [[nodiscard]] bool looks_twice() const;
};

/// Errors are of kind usage and fit on one line. argv[1] is the command's name.
[[nodiscard]] Result<LeaksOptions> parse_leaks_options(int argc, const char* const* argv);

/// The exit status: 4 with --fail-on-leak if there was a leak.
[[nodiscard]] int run_leaks(int argc, const char* const* argv);

}  // namespace aiotrace::app
