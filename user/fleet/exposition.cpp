#include "fleet/exposition.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "fleet/labels.h"

namespace aiotrace::fleet {

namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;

constexpr std::array<std::string_view, kSteps> kLimitTexts{"0.001", "0.005", "0.025", "0.05", "0.1", "0.2",
                                                           "0.5",   "1.0",   "2.5",   "10.0", "+Inf"};

std::string_view type_name(MetricType type, bool open) {
  switch (type) {
    case MetricType::counter: return "counter";
    case MetricType::histogram: return "histogram";
    case MetricType::info: return open ? "info" : "gauge";
    case MetricType::gauge:
    case MetricType::sum: return "gauge";
  }
  return "unknown";
}

class Text final : public MetricSink {
 public:
  Text(TextFormat format, std::int64_t realtime_minus_monotonic_ns)
      : format_(format), realtime_minus_monotonic_ns_(realtime_minus_monotonic_ns) {}

  /// OpenMetrics knows the unit where the name ends with it, and names the family without what its samples end with.
  void metric(const Metric& metric) override {
    name_ = prometheus_name(metric);
    suffix_ = metric.type == MetricType::counter ? "_total" : metric.type == MetricType::info ? "_info" : "";
    const auto shown = open() ? name_ : std::string(name_).append(suffix_);
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", shown, metric.help, shown, type_name(metric.type, open()));
    const auto unit = prometheus_unit(metric.unit);
    if (open() && !unit.empty()) fmt::format_to(out(), "# UNIT {} {}\n", shown, unit);
  }

  void value(const MetricOwner& owner, std::span<const MetricLabel> labels, MetricValue value) override {
    begin(suffix_, owner, labels);
    std::visit([this](auto each) { put(each); }, value);
    text_ += '\n';
  }

  void histogram(const MetricOwner& owner) override {
    const auto& set = *owner.set;
    std::uint64_t up_to_here = 0;
    for (std::size_t step = 0; step < kSteps; ++step) {
      up_to_here += set.iterations.at(step);
      const std::array limit{MetricLabel{"le", kLimitTexts.at(step)}};
      begin("_bucket", owner, limit);
      put(up_to_here);
      if (const auto& exemplar = set.exemplars.at(step); open() && exemplar) put(*exemplar);
      text_ += '\n';
    }
    begin("_sum", owner, {});
    put(Seconds{set.iterations_ns});
    text_ += '\n';
    begin("_count", owner, {});
    put(up_to_here);
    text_ += '\n';
  }

  [[nodiscard]] std::string finish() {
    if (open()) text_ += "# EOF\n";
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool open() const { return format_ == TextFormat::openmetrics; }
  [[nodiscard]] std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void begin(std::string_view suffix, const MetricOwner& owner, std::span<const MetricLabel> labels) {
    text_.append(name_).append(suffix);
    const std::string_view before = owner.set != nullptr ? std::string_view(owner.set->labels) : "";
    if (!before.empty() || !labels.empty()) {
      text_.append("{").append(before);
      bool first = before.empty();
      for (const auto& label : labels) {
        if (!std::exchange(first, false)) text_ += ',';
        text_.append(prometheus_name(label.name)).append("=\"").append(escaped_label(label.value)).append("\"");
      }
      text_ += '}';
    }
    text_ += ' ';
  }
  void put(std::uint64_t value) { fmt::format_to(out(), "{}", value); }
  void put(Seconds value) { fmt::format_to(out(), "{}.{:09}", value.ns / kNsPerS, value.ns % kNsPerS); }
  void put(const Exemplar& exemplar) {
    const auto at_ns = static_cast<std::int64_t>(exemplar.end_ns) + realtime_minus_monotonic_ns_;
    fmt::format_to(out(), " # {{stall_id=\"{}\"}} {}.{:09} {}.{:03}", exemplar.stall_id, exemplar.duration_ns / kNsPerS,
                   exemplar.duration_ns % kNsPerS, at_ns / static_cast<std::int64_t>(kNsPerS),
                   at_ns / 1'000'000 % 1000);
  }

  TextFormat format_;
  std::int64_t realtime_minus_monotonic_ns_;
  std::string name_;
  std::string_view suffix_;
  std::string text_;
};

}  // namespace

std::string_view content_type(TextFormat format) {
  return format == TextFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                           : "text/plain; version=0.0.4; charset=utf-8";
}

TextFormat format_for(std::string_view accept) {
  return accept.find("application/openmetrics-text") != std::string_view::npos ? TextFormat::openmetrics
                                                                               : TextFormat::prometheus;
}

std::string exposition(const Registry& registry, const SelfMetrics& self, TextFormat format,
                       std::int64_t realtime_minus_monotonic_ns) {
  Text text(format, realtime_minus_monotonic_ns);
  write_metrics(registry, self, text);
  return text.finish();
}

}  // namespace aiotrace::fleet
