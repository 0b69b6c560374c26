#include "fleet/metrics.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "model/cause.h"
#include "model/leaks.h"

namespace aiotrace::fleet {

namespace {

class Writer {
 public:
  Writer(const Registry& registry, MetricSink& sink) : registry_(registry), sink_(sink) {}

  void family(std::string_view name, MetricType type, std::string_view unit, std::string_view help) {
    sink_.metric({.name = name, .type = type, .unit = unit, .help = help});
  }
  void own(std::initializer_list<MetricLabel> labels, MetricValue value) { sample({}, labels, value); }
  void sample(const MetricOwner& owner, std::initializer_list<MetricLabel> labels, MetricValue value) {
    sink_.value(owner, std::span(labels.begin(), labels.size()), value);
  }
  void histogram(const MetricOwner& owner) { sink_.histogram(owner); }

  template <class Write>
  void for_each(Write write) {
    for (const auto& [service, set] : registry_.sets()) write(MetricOwner{&service, &set}, set);
    if (const auto* set = registry_.overflow()) write(MetricOwner{nullptr, set}, *set);
  }
  template <class Has>
  [[nodiscard]] bool any(Has has) {
    bool found = false;
    for_each([&](const MetricOwner&, const SeriesSet& set) { found = found || has(set); });
    return found;
  }

 private:
  const Registry& registry_;
  MetricSink& sink_;
};

void write_loops(Writer& out) {
  out.family("asyncio.eventloop.time", MetricType::counter, "s",
             "Time of event loops in callbacks (active) and waiting in the poll (idle).");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
    out.sample(owner, {{"asyncio.eventloop.state", "active"}}, Seconds{set.active_ns});
    out.sample(owner, {{"asyncio.eventloop.state", "idle"}}, Seconds{set.idle_ns});
  });
  out.family("asyncio.eventloop.iteration.duration", MetricType::histogram, "s",
             "Duration of iterations of event loops, from the return of one poll to the next poll.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet&) { out.histogram(owner); });
  out.family("asyncio.eventloops", MetricType::sum, "{loop}", "Event loops that run now.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      if (set.loops.at(kind) == 0 && kind != 0) continue;
      out.sample(owner, {{"asyncio.eventloop.kind", model::Names<model::LoopKind>::list.at(kind)}}, set.loops.at(kind));
    }
  });
}

void write_stalls(Writer& out) {
  out.family("asyncio.eventloop.stalls", MetricType::counter, "{stall}",
             "Stalls: iterations at least as long as the threshold, by level.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
    out.sample(owner, {{"asyncio.eventloop.stall.level", "warn"}}, set.warnings);
    out.sample(owner, {{"asyncio.eventloop.stall.level", "error"}}, set.errors);
  });
  out.family("asyncio.eventloop.stall.time", MetricType::counter, "s",
             "Stalled time by cause; the causes add up to the duration of the stalls.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
    for (std::size_t cause = 0; cause < model::kCauses; ++cause) {
      if (!set.had_cause.at(cause)) continue;
      out.sample(owner, {{"asyncio.eventloop.stall.cause", model::name(static_cast<model::Cause>(cause))}},
                 Seconds{set.stall_ns.at(cause)});
    }
  });
  out.family("asyncio.eventloop.stall.ongoing", MetricType::gauge, "s",
             "How long the longest stall lasts that goes on now; 0: none does.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) { out.sample(owner, {}, Seconds{set.ongoing_ns}); });
}

// Only where somebody looked: without a look there is no family either.
void write_looks(Writer& out) {
  if (out.any([](const SeriesSet& set) { return set.tasks.has_value(); })) {
    out.family("asyncio.task.count", MetricType::sum, "{task}",
               "Tasks that are not done, of the processes whose tasks are read.");
    out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
      if (set.tasks) out.sample(owner, {}, *set.tasks);
    });
  }
  if (!out.any([](const SeriesSet& set) { return set.leaks.has_value(); })) return;
  out.family("asyncio.leak.count", MetricType::sum, "{object}",
             "Leaked coroutines, tasks, futures and generators by class, of the processes that are looked at.");
  out.for_each([&](const MetricOwner& owner, const SeriesSet& set) {
    for (std::size_t each = 0; set.leaks && each < model::kLeakClasses; ++each)
      out.sample(owner, {{"asyncio.leak.class", model::Names<model::LeakClass>::list.at(each)}}, set.leaks->at(each));
  });
}

void write_cost(Writer& out, const SelfMetrics& self) {
  if (self.cpu_ns) {
    out.family("aiotrace.cpu.time", MetricType::counter, "s", "CPU time of aiotrace in user space.");
    out.own({}, Seconds{*self.cpu_ns});
  }
  if (self.bpf_ns) {
    out.family("aiotrace.bpf.time", MetricType::counter, "s", "Run time of aiotrace's BPF programs.");
    out.own({}, Seconds{*self.bpf_ns});
  }
  if (!self.resident_bytes && !self.map_bytes) return;
  out.family("aiotrace.memory.usage", MetricType::sum, "By", "Memory of aiotrace: resident, and its BPF maps.");
  if (self.resident_bytes) out.own({{"aiotrace.memory.type", "resident"}}, *self.resident_bytes);
  if (self.map_bytes) out.own({{"aiotrace.memory.type", "bpf-maps"}}, *self.map_bytes);
}

void write_losses(Writer& out, const Registry& registry, const SelfMetrics& self) {
  out.family("aiotrace.losses", MetricType::counter, "", "What was lost or could not be read, by name.");
  for (std::size_t loss = 0; loss < self.losses.size(); ++loss)
    out.own({{"loss", model::name(static_cast<model::Loss>(loss))}}, self.losses.at(loss));
  if (!self.dropped.empty()) {
    out.family("aiotrace.export.dropped", MetricType::counter, "", "What an exporter dropped, by reason.");
    for (const auto& each : self.dropped) out.own({{"exporter", each.exporter}, {"reason", each.reason}}, each.count);
  }
  out.family("aiotrace.series.overflow", MetricType::counter, "",
             "How often a service found no room among the series and was added to the set otel_metric_overflow.");
  out.own({}, registry.overflowed());
  out.family("aiotrace.http.refused", MetricType::counter, "",
             "Connections that were closed because they took too long.");
  out.own({}, self.http_refused);
}

void write_self(Writer& out, const Registry& registry, const SelfMetrics& self) {
  out.family("aiotrace.targets", MetricType::gauge, "", "Processes that are traced now.");
  out.own({}, std::uint64_t{self.targets});
  write_cost(out, self);
  write_losses(out, registry, self);
  if (self.configuration_is_fresh) {
    out.family("aiotrace.config.last_reload_successful", MetricType::gauge, "",
               "1: the configuration file was valid when it was read last. 0: an older one is in use.");
    out.own({}, std::uint64_t{*self.configuration_is_fresh ? 1u : 0u});
  }
  if (self.recorder_bytes) {
    out.family("aiotrace.recorder.size", MetricType::gauge, "By", "Size of the flight recorder's files.");
    out.own({}, *self.recorder_bytes);
  }
  out.family("aiotrace.build", MetricType::info, "", "Version of aiotrace, and the kernel that it runs on.");
  out.own({{"version", self.version}, {"kernel", self.kernel}}, std::uint64_t{1});
}

}  // namespace

std::string prometheus_name(std::string_view name) {
  std::string made(name);
  std::ranges::replace(made, '.', '_');
  return made;
}

std::string_view prometheus_unit(std::string_view unit) {
  return unit == "s" ? "seconds" : unit == "By" ? "bytes" : "";
}

std::string prometheus_name(const Metric& metric) {
  auto made = prometheus_name(metric.name);
  if (const auto unit = prometheus_unit(metric.unit); !unit.empty()) made.append("_").append(unit);
  return made;
}

void write_metrics(const Registry& registry, const SelfMetrics& self, MetricSink& sink) {
  Writer out(registry, sink);
  write_loops(out);
  write_stalls(out);
  write_looks(out);
  write_self(out, registry, self);
}

}  // namespace aiotrace::fleet
