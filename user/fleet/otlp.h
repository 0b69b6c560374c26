// OpenTelemetry's protocol, as protobuf: logs and metrics for POST /v1/logs and /v1/metrics, and the answers to them.
// Field numbers are those of opentelemetry-proto 1.10, whose messages of logs and metrics are stable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fleet/metrics.h"
#include "fleet/registry.h"
#include "proc/service.h"

namespace aiotrace::fleet {

/// Names of a program are cut to so many bytes, a stack to more.
inline constexpr std::size_t kMaxAttribute = 256;
inline constexpr std::size_t kMaxLongAttribute = 4096;

using AttributeValue = std::variant<std::string, std::int64_t, double, bool>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

/// Their numbers are the protocol's.
enum class Severity : std::uint8_t { warn = 13, error = 17 };

/// Something that happened, as a log record has it.
struct Event {
  std::string name{};  ///< "asyncio.eventloop.stall"
  Severity severity = Severity::warn;
  std::int64_t unix_ns = 0;
  std::string body{};  ///< one line for people
  Attributes attributes{};
};

/// One that is ready to be sent.
struct EncodedEvent {
  std::string resource;  ///< whose it is: equal bytes for equal ones
  std::string record;
  [[nodiscard]] std::size_t bytes() const { return resource.size() + record.size(); }
};

/// Where the daemon runs, and which it is.
struct Emitter {
  std::string host{};     ///< host.name
  std::string version{};  ///< of aiotrace
};

/// What an answer with status 200 says.
struct OtlpAnswer {
  std::uint64_t rejected = 0;  ///< of what was sent
  std::string message{};       ///< not cleaned
};

/// All text becomes valid UTF-8 of at most kMaxAttribute bytes (code.stacktrace: kMaxLongAttribute).
[[nodiscard]] EncodedEvent encode(const Event& event, const proc::Service& service, std::uint32_t pid,
                                  const Emitter& emitter);

/// ExportLogsServiceRequest; events of a resource lie together.
[[nodiscard]] std::string otlp_logs(const std::vector<EncodedEvent>& events, const Emitter& emitter);

/// The times of CLOCK_REALTIME that go with a reading of all metrics.
struct MetricTimes {
  std::int64_t now_unix_ns = 0;
  std::int64_t start_unix_ns = 0;  ///< of the daemon
  std::int64_t realtime_minus_monotonic_ns = 0;
};
/// ExportMetricsServiceRequest, several if one would have many more bytes than `part_bytes`. Sums and histograms are
/// cumulative.
[[nodiscard]] std::vector<std::string> otlp_metrics(const Registry& registry, const SelfMetrics& self,
                                                    const MetricTimes& times, const Emitter& emitter,
                                                    std::size_t part_bytes);

/// ExportLogsServiceResponse and ExportMetricsServiceResponse alike; nothing: it is none of them.
[[nodiscard]] std::optional<OtlpAnswer> otlp_answer(std::string_view body);

}  // namespace aiotrace::fleet
