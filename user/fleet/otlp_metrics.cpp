#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "fleet/labels.h"
#include "fleet/otlp.h"
#include "fleet/otlp_fields.h"

namespace aiotrace::fleet {

namespace {

using otlp::Message;

// opentelemetry/proto/metrics/v1. Of Gauge, Sum and Histogram the numbers of what they have are the same.
enum class MetricField : protozero::pbf_tag_type {
  name = 1,
  description = 2,
  unit = 3,
  gauge = 5,
  sum = 7,
  histogram = 9
};
enum class Data : protozero::pbf_tag_type { points = 1, temporality = 2, monotonic = 3 };
enum class Number : protozero::pbf_tag_type { start = 2, time = 3, real = 4, integer = 6, attributes = 7 };
enum class Histogram : protozero::pbf_tag_type {
  start = 2,
  time = 3,
  count = 4,
  sum = 5,
  counts = 6,
  bounds = 7,
  exemplars = 8,
  attributes = 9
};
enum class ExemplarField : protozero::pbf_tag_type { time = 2, real = 3, attributes = 7 };
constexpr std::int32_t kCumulative = 2;

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

class Sink final : public MetricSink {
 public:
  Sink(const MetricTimes& times, Emitter emitter) : times_(times), emitter_(std::move(emitter)) {}

  void metric(const Metric& metric) override {
    flush();
    metric_ = metric;
    name_ = metric.name;
    if (metric.type == MetricType::info) name_ += ".info";
  }

  void value(const MetricOwner& owner, std::span<const MetricLabel> labels, MetricValue value) override {
    turn_to(owner);
    Message<Data> data(points_);
    Message<Number> point(data, Data::points);
    point.add_fixed64(Number::start, start_of(owner));
    point.add_fixed64(Number::time, now());
    if (const auto* time = std::get_if<Seconds>(&value))
      point.add_double(Number::real, seconds(time->ns));
    else
      point.add_sfixed64(Number::integer, static_cast<std::int64_t>(std::get<std::uint64_t>(value)));
    for (const auto& label : labels)
      otlp::add_attribute(point, Number::attributes, label.name, std::string(label.value));
    if (is_overflow(owner)) otlp::add_attribute(point, Number::attributes, "otel.metric.overflow", true);
  }

  void histogram(const MetricOwner& owner) override {
    turn_to(owner);
    const auto& set = *owner.set;
    std::uint64_t count = 0;
    for (const auto step : set.iterations) count += step;
    Message<Data> data(points_);
    Message<Histogram> point(data, Data::points);
    point.add_fixed64(Histogram::start, start_of(owner));
    point.add_fixed64(Histogram::time, now());
    point.add_fixed64(Histogram::count, count);
    point.add_double(Histogram::sum, seconds(set.iterations_ns));
    point.add_packed_fixed64(Histogram::counts, set.iterations.begin(), set.iterations.end());
    std::array<double, kLimitsNs.size()> bounds{};
    std::ranges::transform(kLimitsNs, bounds.begin(), seconds);
    point.add_packed_double(Histogram::bounds, bounds.begin(), bounds.end());
    for (const auto& exemplar : set.exemplars) {
      if (exemplar) add(point, *exemplar);
    }
    if (is_overflow(owner)) otlp::add_attribute(point, Histogram::attributes, "otel.metric.overflow", true);
  }

  [[nodiscard]] std::vector<std::string> finish(std::size_t part_bytes) {
    flush();
    std::vector<std::string> parts;
    std::string bytes;
    for (const auto& [owner, metrics] : metrics_) {
      Message<otlp::Request> request(bytes);
      otlp::add_group(request, resource_of(owner), metrics, emitter_);
      if (bytes.size() < part_bytes) continue;
      parts.push_back(std::exchange(bytes, {}));
    }
    if (!bytes.empty()) parts.push_back(std::move(bytes));
    return parts;
  }

 private:
  [[nodiscard]] static bool is_overflow(const MetricOwner& owner) {
    return owner.set != nullptr && owner.service == nullptr;
  }
  [[nodiscard]] std::uint64_t now() const { return static_cast<std::uint64_t>(times_.now_unix_ns); }
  [[nodiscard]] std::uint64_t start_of(const MetricOwner& owner) const {
    if (owner.set == nullptr) return static_cast<std::uint64_t>(times_.start_unix_ns);
    return unix_ns(owner.set->since_ns);
  }
  [[nodiscard]] std::uint64_t unix_ns(std::uint64_t monotonic_ns) const {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(monotonic_ns) + times_.realtime_minus_monotonic_ns);
  }
  [[nodiscard]] std::string resource_of(const proc::Service* service) const {
    return service != nullptr ? otlp::resource_of(*service, emitter_, 0) : otlp::own_resource(emitter_);
  }

  void add(Message<Histogram>& point, const Exemplar& exemplar) const {
    Message<ExemplarField> message(point, Histogram::exemplars);
    message.add_fixed64(ExemplarField::time, unix_ns(exemplar.end_ns));
    message.add_double(ExemplarField::real, seconds(exemplar.duration_ns));
    otlp::add_attribute(message, ExemplarField::attributes, "stall_id", std::to_string(exemplar.stall_id));
  }

  // The points of one owner are one metric of its resource. The overflow is among the daemon's own.
  void turn_to(const MetricOwner& owner) {
    if (!points_.empty() && owner.service == owner_) return;
    flush();
    owner_ = owner.service;
  }
  void flush() {
    if (points_.empty()) return;
    Message<otlp::ScopeGroup> scope(metrics_[owner_]);
    Message<MetricField> metric(scope, otlp::ScopeGroup::items);
    otlp::add_text(metric, MetricField::name, name_);
    otlp::add_text(metric, MetricField::description, metric_.help);
    otlp::add_text(metric, MetricField::unit, metric_.unit);
    const bool is_histogram = metric_.type == MetricType::histogram;
    const bool is_sum = metric_.type == MetricType::counter || metric_.type == MetricType::sum;
    {
      Message<Data> data(points_);
      if (is_histogram || is_sum) data.add_int32(Data::temporality, kCumulative);
      if (metric_.type == MetricType::counter) data.add_bool(Data::monotonic, true);
    }
    metric.add_message(is_histogram ? MetricField::histogram : is_sum ? MetricField::sum : MetricField::gauge, points_);
    points_.clear();
  }

  MetricTimes times_;
  Emitter emitter_;
  Metric metric_;
  std::string name_;
  const proc::Service* owner_ = nullptr;
  std::string points_;  // encoded fields of Data
  std::map<const proc::Service*, std::string> metrics_;
};

}  // namespace

std::vector<std::string> otlp_metrics(const Registry& registry, const SelfMetrics& self, const MetricTimes& times,
                                      const Emitter& emitter, std::size_t part_bytes) {
  Sink sink(times, emitter);
  write_metrics(registry, self, sink);
  return sink.finish(part_bytes);
}

}  // namespace aiotrace::fleet
