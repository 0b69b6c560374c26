// All metrics as text, for a scrape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/registry.h"
#include "model/losses.h"

namespace aiotrace::fleet {

enum class TextFormat : std::uint8_t {
  prometheus,   ///< text/plain; version=0.0.4
  openmetrics,  ///< application/openmetrics-text; version=1.0.0: with exemplars
};
[[nodiscard]] std::string_view content_type(TextFormat format);
/// What an Accept header asks for; anything unknown is Prometheus's format.
[[nodiscard]] TextFormat format_for(std::string_view accept);

/// Something that an exporter could not get rid of.
struct Dropped {
  std::string_view exporter;  ///< "otlp", "recorder"
  std::string_view reason;
  std::uint64_t count = 0;
};

/// The daemon itself. What is not known is left out.
struct SelfMetrics {
  std::string version{};
  std::string kernel{};
  std::optional<std::uint64_t> cpu_ns{};
  std::optional<std::uint64_t> bpf_ns{};
  std::optional<std::uint64_t> resident_bytes{};
  std::optional<std::uint64_t> map_bytes{};  ///< of BPF maps
  std::size_t targets = 0;                   ///< processes
  model::LossCounts losses{};
  std::vector<Dropped> dropped{};
  std::uint64_t http_refused = 0;                 ///< requests and connections that were not served
  std::optional<bool> configuration_is_fresh{};   ///< the last time it was read it was valid; nullopt: there is none
  std::optional<std::uint64_t> recorder_bytes{};  ///< that the flight recorder's files have
};

/// `realtime_minus_monotonic_ns` is for exemplars.
[[nodiscard]] std::string exposition(const Registry& registry, const SelfMetrics& self, TextFormat format,
                                     std::int64_t realtime_minus_monotonic_ns);

}  // namespace aiotrace::fleet
