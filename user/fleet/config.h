// The daemon's configuration file: TOML.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/endpoint.h"
#include "fleet/selection.h"

namespace aiotrace::fleet {

inline constexpr std::size_t kMaxConfig = std::size_t{1} << 20;

struct RecorderConfig {
  std::optional<std::string> directory{};  ///< nothing: the daemon keeps no recordings
  std::uint64_t max_bytes = 256'000'000;   ///< of all files together
  std::uint64_t max_age_ns = 86'400'000'000'000;

  bool operator==(const RecorderConfig&) const = default;
};

/// Events and metrics for a collector of OpenTelemetry.
struct OtlpConfig {
  std::optional<Endpoint> endpoint{};          ///< nothing: they are not sent
  std::uint64_t interval_ns = 30'000'000'000;  ///< of metrics
  bool gzip = true;

  bool operator==(const OtlpConfig&) const = default;
};

/// Looks at the memory of programs, beside their stalls.
struct LooksConfig {
  bool hangs = false;
  bool leaks = false;
  std::uint64_t processes = 20;  ///< at most at a time

  bool operator==(const LooksConfig&) const = default;
};

/// Profiles of processes that have just stalled, for Pyroscope.
struct ProfilesConfig {
  std::optional<Endpoint> endpoint{};  ///< nothing: there are none
  std::uint64_t stall_ns = 1'000'000'000;
  std::uint64_t duration_ns = 10'000'000'000;
  std::uint64_t per_hour = 6;

  bool operator==(const ProfilesConfig&) const = default;
};

/// What is not in the file has its default, or is nothing.
struct Config {
  std::optional<std::string> listen{};
  std::optional<std::uint64_t> warn_ns{};
  std::optional<std::uint64_t> error_ns{};
  std::optional<bool> other_loops{};
  RecorderConfig recorder{};
  OtlpConfig otlp{};
  LooksConfig looks{};
  ProfilesConfig profiles{};
  Selection selection{};

  bool operator==(const Config&) const = default;
};

/// A mistake in the text; lines begin at 1.
struct ConfigError {
  std::uint32_t line = 0;
  std::string message;
};

/// All mistakes, in the order of their lines: an unknown key is one, too. The text may be anything; longer than
/// kMaxConfig is a mistake.
[[nodiscard]] std::expected<Config, std::vector<ConfigError>> parse_config(std::string_view text);

/// The settings in which the two differ and that a daemon cannot change while it runs: "listen", "otlp".
[[nodiscard]] std::vector<std::string> fixed_differences(const Config& before, const Config& after);

/// "256MB", "1.5GB" (powers of 1000), "64MiB" (of 1024); nothing: it is no size.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace aiotrace::fleet
