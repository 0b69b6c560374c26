// All metrics of the daemon, once for every format: what each is called, and its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fleet/registry.h"
#include "model/losses.h"

namespace aiotrace::fleet {

enum class MetricType : std::uint8_t {
  counter,    ///< never falls
  gauge,      ///< of a moment
  sum,        ///< of a moment, and can be added up over services
  histogram,  ///< of the iterations of a service
  info,       ///< 1, for its labels
};

/// Names and units are OpenTelemetry's.
struct Metric {
  std::string_view name;  ///< "asyncio.eventloop.time"
  MetricType type = MetricType::gauge;
  std::string_view unit;  ///< "s", "By", "{stall}"; empty: none
  std::string_view help;
};

/// By OpenTelemetry's translation to Prometheus, without "_total" and "_info": "asyncio_eventloop_time_seconds".
[[nodiscard]] std::string prometheus_name(const Metric& metric);
/// The same of a label.
[[nodiscard]] std::string prometheus_name(std::string_view name);
/// "seconds", "bytes"; empty: the name has no unit.
[[nodiscard]] std::string_view prometheus_unit(std::string_view unit);

/// Shown in seconds, with all nine digits: nothing is rounded.
struct Seconds {
  std::uint64_t ns = 0;
};
using MetricValue = std::variant<std::uint64_t, Seconds>;

struct MetricLabel {
  std::string_view name;  ///< "asyncio.eventloop.state"
  std::string_view value;
};

/// Whose a value is.
struct MetricOwner {
  const proc::Service* service = nullptr;  ///< null: of no single one
  const SeriesSet* set = nullptr;          ///< null: the daemon's own
};

/// Gets each metric, then its values; all values of an owner come one behind the other.
class MetricSink {
 public:
  MetricSink() = default;
  MetricSink(const MetricSink&) = delete;
  MetricSink& operator=(const MetricSink&) = delete;
  virtual ~MetricSink() = default;

  virtual void metric(const Metric& metric) = 0;
  virtual void value(const MetricOwner& owner, std::span<const MetricLabel> labels, MetricValue value) = 0;
  /// The iterations of owner.set, which is not null.
  virtual void histogram(const MetricOwner& owner) = 0;
};

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

void write_metrics(const Registry& registry, const SelfMetrics& self, MetricSink& sink);

}  // namespace aiotrace::fleet
