#include "fleet/exposition.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "fleet/labels.h"
#include "model/cause.h"

namespace aiotrace::fleet {

namespace {

enum class Type : std::uint8_t { counter, gauge, histogram, info };

constexpr std::uint64_t kNsPerS = 1'000'000'000;

/// Seconds with all nine digits: nothing is rounded.
struct Seconds {
  std::uint64_t ns = 0;
};

constexpr std::array<std::string_view, kSteps> kLimitTexts{"0.001", "0.005", "0.025", "0.05", "0.1", "0.2",
                                                           "0.5",   "1.0",   "2.5",   "10.0", "+Inf"};

class Text {
 public:
  Text(TextFormat format, std::int64_t realtime_minus_monotonic_ns)
      : format_(format), realtime_minus_monotonic_ns_(realtime_minus_monotonic_ns) {}

  [[nodiscard]] bool open() const { return format_ == TextFormat::openmetrics; }

  /// `name` without "_total" and "_info". OpenMetrics knows the unit where the name ends with it.
  void family(std::string_view name, Type type, std::string_view unit, std::string_view help) {
    name_ = name;
    suffix_ = type == Type::counter ? "_total" : type == Type::info ? "_info" : "";
    const auto shown = std::string(name_).append(open() ? "" : suffix_);
    constexpr std::array<std::string_view, 4> kTypes{"counter", "gauge", "histogram", "info"};
    const auto type_name = !open() && type == Type::info ? "gauge" : kTypes.at(static_cast<std::size_t>(type));
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", shown, help, shown, type_name);
    if (open() && !unit.empty()) fmt::format_to(out(), "# UNIT {} {}\n", shown, unit);
  }

  template <class Value>
  void sample(std::string_view labels, Value value) {
    begin(suffix_, labels, {});
    put(value);
    text_ += '\n';
  }
  /// With one more label, whose value is one of ours.
  template <class Value>
  void sample(std::string_view labels, std::string_view label, std::string_view label_value, Value value) {
    begin(suffix_, labels, {label, label_value});
    put(value);
    text_ += '\n';
  }

  void histogram(const SeriesSet& set) {
    std::uint64_t up_to_here = 0;
    for (std::size_t step = 0; step < kSteps; ++step) {
      up_to_here += set.iterations.at(step);
      begin("_bucket", set.labels, {"le", kLimitTexts.at(step)});
      put(up_to_here);
      if (const auto& exemplar = set.exemplars.at(step); open() && exemplar) put(*exemplar);
      text_ += '\n';
    }
    begin("_sum", set.labels, {});
    put(Seconds{set.iterations_ns});
    text_ += '\n';
    begin("_count", set.labels, {});
    put(up_to_here);
    text_ += '\n';
  }

  [[nodiscard]] std::string finish() {
    if (open()) text_ += "# EOF\n";
    return std::move(text_);
  }

 private:
  struct Label {
    std::string_view name;
    std::string_view value;
  };
  [[nodiscard]] std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void begin(std::string_view suffix, std::string_view labels, Label more) {
    text_.append(name_).append(suffix);
    if (!labels.empty() || !more.name.empty()) {
      text_.append("{").append(labels);
      if (!labels.empty() && !more.name.empty()) text_ += ',';
      if (!more.name.empty()) text_.append(more.name).append("=\"").append(more.value).append("\"");
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
  std::string_view name_;
  std::string_view suffix_;
  std::string text_;
};

template <class Write>
void for_each(const Registry& registry, Write write) {
  for (const auto& [service, set] : registry.sets()) write(set);
  if (const auto* set = registry.overflow()) write(*set);
}

void write_loops(Text& text, const Registry& registry) {
  text.family("asyncio_eventloop_time_seconds", Type::counter, "seconds",
              "Time of event loops in callbacks (active) and waiting in the poll (idle).");
  for_each(registry, [&](const SeriesSet& set) {
    text.sample(set.labels, "asyncio_eventloop_state", "active", Seconds{set.active_ns});
    text.sample(set.labels, "asyncio_eventloop_state", "idle", Seconds{set.idle_ns});
  });
  text.family("asyncio_eventloop_iteration_duration_seconds", Type::histogram, "seconds",
              "Duration of iterations of event loops, from the return of one poll to the next poll.");
  for_each(registry, [&](const SeriesSet& set) { text.histogram(set); });
  text.family("asyncio_eventloops", Type::gauge, "", "Event loops that run now.");
  for_each(registry, [&](const SeriesSet& set) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      if (set.loops.at(kind) == 0 && kind != 0) continue;
      text.sample(set.labels, "asyncio_eventloop_kind", model::Names<model::LoopKind>::list.at(kind),
                  set.loops.at(kind));
    }
  });
}

void write_stalls(Text& text, const Registry& registry) {
  text.family("asyncio_eventloop_stalls", Type::counter, "",
              "Stalls: iterations at least as long as the threshold, by level.");
  for_each(registry, [&](const SeriesSet& set) {
    text.sample(set.labels, "asyncio_eventloop_stall_level", "warn", set.warnings);
    text.sample(set.labels, "asyncio_eventloop_stall_level", "error", set.errors);
  });
  text.family("asyncio_eventloop_stall_time_seconds", Type::counter, "seconds",
              "Stalled time by cause; the causes add up to the duration of the stalls.");
  for_each(registry, [&](const SeriesSet& set) {
    for (std::size_t cause = 0; cause < model::kCauses; ++cause) {
      if (!set.had_cause.at(cause)) continue;
      text.sample(set.labels, "asyncio_eventloop_stall_cause", model::name(static_cast<model::Cause>(cause)),
                  Seconds{set.stall_ns.at(cause)});
    }
  });
  text.family("asyncio_eventloop_stall_ongoing_seconds", Type::gauge, "seconds",
              "How long the longest stall lasts that goes on now; 0: none does.");
  for_each(registry, [&](const SeriesSet& set) { text.sample(set.labels, Seconds{set.ongoing_ns}); });
}

void write_cost(Text& text, const SelfMetrics& self) {
  if (self.cpu_ns) {
    text.family("aiotrace_cpu_time_seconds", Type::counter, "seconds", "CPU time of aiotrace in user space.");
    text.sample("", Seconds{*self.cpu_ns});
  }
  if (self.bpf_ns) {
    text.family("aiotrace_bpf_time_seconds", Type::counter, "seconds", "Run time of aiotrace's BPF programs.");
    text.sample("", Seconds{*self.bpf_ns});
  }
  if (!self.resident_bytes && !self.map_bytes) return;
  text.family("aiotrace_memory_usage_bytes", Type::gauge, "bytes", "Memory of aiotrace: resident, and its BPF maps.");
  if (self.resident_bytes) text.sample("", "aiotrace_memory_type", "resident", *self.resident_bytes);
  if (self.map_bytes) text.sample("", "aiotrace_memory_type", "bpf-maps", *self.map_bytes);
}

void write_losses(Text& text, const Registry& registry, const SelfMetrics& self) {
  text.family("aiotrace_losses", Type::counter, "", "What was lost or could not be read, by name.");
  for (std::size_t loss = 0; loss < self.losses.size(); ++loss)
    text.sample("", "loss", model::name(static_cast<model::Loss>(loss)), self.losses.at(loss));
  if (!self.dropped.empty()) {
    text.family("aiotrace_export_dropped", Type::counter, "", "What an exporter dropped, by reason.");
    for (const auto& each : self.dropped)
      text.sample("exporter=\"" + std::string(each.exporter) + "\"", "reason", each.reason, each.count);
  }
  text.family("aiotrace_series_overflow", Type::counter, "",
              "How often a service found no room among the series and was added to the set otel_metric_overflow.");
  text.sample("", registry.overflowed());
  text.family("aiotrace_http_refused", Type::counter, "", "Connections that were closed because they took too long.");
  text.sample("", self.http_refused);
}

void write_self(Text& text, const Registry& registry, const SelfMetrics& self) {
  text.family("aiotrace_targets", Type::gauge, "", "Processes that are traced now.");
  text.sample("", std::uint64_t{self.targets});
  write_cost(text, self);
  write_losses(text, registry, self);
  if (self.configuration_is_fresh) {
    text.family("aiotrace_config_last_reload_successful", Type::gauge, "",
                "1: the configuration file was valid when it was read last. 0: an older one is in use.");
    text.sample("", std::uint64_t{*self.configuration_is_fresh ? 1u : 0u});
  }
  if (self.recorder_bytes) {
    text.family("aiotrace_recorder_size_bytes", Type::gauge, "bytes", "Size of the flight recorder's files.");
    text.sample("", *self.recorder_bytes);
  }
  text.family("aiotrace_build", Type::info, "", "Version of aiotrace, and the kernel that it runs on.");
  text.sample("version=\"" + escaped_label(self.version) + "\",kernel=\"" + escaped_label(self.kernel) + "\"",
              std::uint64_t{1});
}

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
  write_loops(text, registry);
  write_stalls(text, registry);
  write_self(text, registry, self);
  return text.finish();
}

}  // namespace aiotrace::fleet
