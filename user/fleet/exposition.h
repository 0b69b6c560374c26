// All metrics as text, for a scrape.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fleet/metrics.h"
#include "fleet/registry.h"

namespace aiotrace::fleet {

enum class TextFormat : std::uint8_t {
  prometheus,   ///< text/plain; version=0.0.4
  openmetrics,  ///< application/openmetrics-text; version=1.0.0: with exemplars
};
[[nodiscard]] std::string_view content_type(TextFormat format);
/// What an Accept header asks for; anything unknown is Prometheus's format.
[[nodiscard]] TextFormat format_for(std::string_view accept);

/// `realtime_minus_monotonic_ns` is for exemplars.
[[nodiscard]] std::string exposition(const Registry& registry, const SelfMetrics& self, TextFormat format,
                                     std::int64_t realtime_minus_monotonic_ns);

}  // namespace aiotrace::fleet
