// The daemon's counts: one set of series for each service, counters that never fall, bounds, and the text formats.
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>

#include "fleet/exposition.h"
#include "fleet/labels.h"
#include "fleet/registry.h"
#include "model/histogram.h"
#include "tests/catch.h"

using namespace aiotrace;
using fleet::LoopReading;
using fleet::Registry;
using fleet::SeriesSet;
using model::LoopCounters;

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kS = 1'000'000'000;
constexpr std::uint64_t kStallNs = 50 * kMs;

proc::Service service(const std::string& name) {
  return {.name = name, .source = proc::ServiceSource::unit, .unit = name + ".service"};
}

LoopCounters counters(std::initializer_list<std::uint64_t> durations_ns) {
  LoopCounters made;
  for (const auto ns : durations_ns) {
    ++made.iterations;
    made.busy_ns += ns;
    ++made.buckets.at(model::histogram_bucket(ns));
  }
  return made;
}

LoopReading reading(std::uint32_t tid, std::uint64_t now_ns, std::uint64_t present_ns = 0) {
  return {
      .pid = 7, .tid = tid, .kind = model::LoopKind::asyncio, .now_ns = now_ns, .seen_ns = 0, .present_ns = present_ns};
}

const SeriesSet& only(const Registry& registry) {
  REQUIRE(registry.sets().size() == 1);
  return registry.sets().begin()->second;
}

std::string text_of(const Registry& registry, fleet::TextFormat format = fleet::TextFormat::prometheus) {
  return fleet::exposition(registry, {.version = "1", .kernel = "6"}, format, 0);
}

bool has_line(const std::string& text, const std::string& line) {
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) {
    if (each == line) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("fleet: the loops of a service are added up, and those that end stay in", "[fleet]") {
  Registry registry;
  registry.update(service("web"), reading(1, 10 * kS), counters({2 * kMs, 60 * kMs}), kStallNs);
  registry.update(service("web"), reading(2, 10 * kS), counters({3 * kMs}), kStallNs);
  const auto& set = only(registry);
  CHECK(set.active_ns == 65 * kMs);
  CHECK(set.idle_ns == 20 * kS - 65 * kMs);
  CHECK(set.iterations_ns == 65 * kMs);
  CHECK(set.iterations == fleet::Steps{0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(set.loops[0] == 2);

  registry.update(service("web"), reading(1, 11 * kS), counters({2 * kMs, 60 * kMs, 2 * kMs}), kStallNs);
  registry.end(7, 1, 11 * kS);
  registry.end(7, 99, 11 * kS);  // one that was never seen
  CHECK(set.loops[0] == 1);
  CHECK(set.active_ns == 67 * kMs);
  CHECK(set.iterations[1] == 3);

  // The same tid again: another thread, which counts from the beginning.
  registry.update(service("web"), reading(1, 12 * kS), counters({2 * kMs}), kStallNs);
  CHECK(set.active_ns == 69 * kMs);
  CHECK(set.iterations[1] == 4);
  CHECK(registry.loops() == 2);
}

TEST_CASE("fleet: BPF's 32 bits wrap, its counters begin anew, an iteration goes on: nothing falls", "[fleet]") {
  Registry registry;
  auto many = counters({2 * kMs});
  const auto bucket = model::histogram_bucket(2 * kMs);
  many.iterations = many.buckets[bucket] = 0xffff'fff0;
  registry.update(service("a"), reading(1, kS), many, kStallNs);
  many.iterations += 0x20;
  many.buckets[bucket] += 0x20;
  REQUIRE(many.buckets[bucket] == 0x10);
  registry.update(service("a"), reading(1, 2 * kS), many, kStallNs);
  const auto& set = only(registry);
  CHECK(set.iterations[1] == 0x1'0000'0010);

  registry.update(service("a"), reading(1, 3 * kS), counters({2 * kMs}), kStallNs);
  CHECK(set.iterations[1] == 0x1'0000'0011);

  // The present iteration is active time, no iteration yet; when it has ended nothing is counted twice.
  const auto active = set.active_ns;
  registry.update(service("a"), reading(1, 5 * kS, kS), counters({2 * kMs}), kStallNs);
  CHECK(set.active_ns == active + kS);
  CHECK(set.ongoing_ns == kS);
  CHECK(set.iterations[1] == 0x1'0000'0011);
  registry.update(service("a"), reading(1, 6 * kS), counters({2 * kMs, kS + 100 * kMs}), kStallNs);
  CHECK(set.active_ns == active + kS + 100 * kMs);
  CHECK(set.ongoing_ns == 0);
  const auto idle = set.idle_ns;
  // A clock that lags behind takes nothing back.
  registry.update(service("a"), reading(1, kS), counters({2 * kMs, kS + 100 * kMs}), kStallNs);
  CHECK(set.idle_ns == idle);
}

TEST_CASE("fleet: the longest stall that goes on in any loop of a service", "[fleet]") {
  Registry registry;
  const auto none = counters({});
  registry.update(service("a"), reading(1, kS, 300 * kMs), none, kStallNs);
  registry.update(service("a"), reading(2, kS, 200 * kMs), none, kStallNs);
  registry.update(service("a"), reading(3, kS, 49 * kMs), none, kStallNs);
  const auto& set = only(registry);
  CHECK(set.ongoing_ns == 300 * kMs);
  registry.update(service("a"), reading(1, kS), none, kStallNs);
  CHECK(set.ongoing_ns == 200 * kMs);
  registry.end(7, 2, kS);
  CHECK(set.ongoing_ns == 0);
}

TEST_CASE("fleet: a step of the histogram is at most 6 % off its limit", "[fleet]") {
  for (std::size_t step = 0; step < fleet::kLimitsNs.size(); ++step) {
    const auto limit = fleet::kLimitsNs[step];
    CAPTURE(limit);
    CHECK(fleet::step_of(limit) == step);
    CHECK(fleet::step_of(limit + 1) == step + 1);
    CHECK(fleet::steps_of(counters({limit - limit * 7 / 100}))[step] == 1);
    CHECK(fleet::steps_of(counters({limit + limit * 7 / 100}))[step + 1] == 1);
  }
  CHECK(fleet::steps_of(counters({0, 3'000 * kS}))[0] == 1);
  CHECK(fleet::steps_of(counters({0, 3'000 * kS})).back() == 1);
}

TEST_CASE("fleet: stalls by level and cause", "[fleet]") {
  Registry registry;
  model::Stall stall;
  stall.id = 5;
  stall.start_ns = kS;
  stall.duration_ns = 60 * kMs;
  stall.cause_ns[static_cast<std::size_t>(model::Cause::sleep)] = 60 * kMs;
  registry.add(service("a"), stall);
  stall.id = 6;
  stall.start_ns = 2 * kS;
  stall.duration_ns = 300 * kMs;
  stall.error = true;
  stall.cause_ns[static_cast<std::size_t>(model::Cause::sleep)] = 100 * kMs;
  stall.cause_ns[static_cast<std::size_t>(model::Cause::python)] = 200 * kMs;
  registry.add(service("a"), stall);
  registry.update(service("a"), reading(1, 2 * kS), counters({60 * kMs, 300 * kMs}), kStallNs);
  const auto text = text_of(registry);
  const std::string labels = "service_name=\"a\",systemd_unit=\"a.service\"";
  CHECK(has_line(text, "asyncio_eventloop_stalls_total{" + labels + ",asyncio_eventloop_stall_level=\"warn\"} 1"));
  CHECK(has_line(text, "asyncio_eventloop_stalls_total{" + labels + ",asyncio_eventloop_stall_level=\"error\"} 1"));
  CHECK(has_line(text, "asyncio_eventloop_stall_time_seconds_total{" + labels +
                           ",asyncio_eventloop_stall_cause=\"sleep\"} 0.160000000"));
  CHECK(has_line(text, "asyncio_eventloop_stall_time_seconds_total{" + labels +
                           ",asyncio_eventloop_stall_cause=\"python\"} 0.200000000"));
  CHECK(text.find("stall_cause=\"network\"") == std::string::npos);
  CHECK(has_line(text, "asyncio_eventloop_iteration_duration_seconds_bucket{" + labels + ",le=\"0.1\"} 1"));
  CHECK(has_line(text, "asyncio_eventloop_iteration_duration_seconds_bucket{" + labels + ",le=\"+Inf\"} 2"));
  CHECK(has_line(text, "asyncio_eventloop_iteration_duration_seconds_sum{" + labels + "} 0.360000000"));
  CHECK(has_line(text, "asyncio_eventloop_iteration_duration_seconds_count{" + labels + "} 2"));
  CHECK(has_line(text, "asyncio_eventloops{" + labels + ",asyncio_eventloop_kind=\"asyncio\"} 1"));

  const auto open = text_of(registry, fleet::TextFormat::openmetrics);
  CHECK(open.ends_with("# EOF\n"));
  CHECK(has_line(open, "# TYPE asyncio_eventloop_stalls counter"));
  CHECK(has_line(open, "# UNIT asyncio_eventloop_stall_time_seconds seconds"));
  CHECK(has_line(open, "asyncio_eventloop_iteration_duration_seconds_bucket{" + labels +
                           ",le=\"0.5\"} 2 # {stall_id=\"6\"} 0.300000000 2.300"));
  CHECK(has_line(open, "aiotrace_build_info{version=\"1\",kernel=\"6\"} 1"));
}

TEST_CASE("fleet: services beyond the bound are added up in one set, and counted", "[fleet]") {
  Registry registry({.sets = 2, .keep_ns = 300 * kS});
  for (std::uint32_t i = 0; i < 5; ++i)
    registry.update(service("s" + std::to_string(i)), reading(i, kS), counters({2 * kMs}), kStallNs);
  CHECK(registry.sets().size() == 2);
  CHECK(registry.overflowed() == 3);
  REQUIRE(registry.overflow() != nullptr);
  CHECK(registry.overflow()->iterations[1] == 3);
  CHECK(has_line(text_of(registry),
                 "asyncio_eventloop_iteration_duration_seconds_count{otel_metric_overflow=\"true\"} 3"));
  CHECK(has_line(text_of(registry), "aiotrace_series_overflow_total 3"));
}

TEST_CASE("fleet: a service's series end some minutes after its last loop", "[fleet]") {
  Registry registry;
  registry.update(service("a"), reading(1, kS), counters({2 * kMs}), kStallNs);
  registry.update(service("b"), reading(2, kS), counters({2 * kMs}), kStallNs);
  registry.end(7, 1, 10 * kS);
  registry.forget(310 * kS);
  CHECK(registry.sets().size() == 2);
  registry.forget(310 * kS + 1);
  CHECK(registry.sets().size() == 1);
  CHECK(registry.sets().begin()->first.name == "b");
  registry.forget(10'000 * kS);  // it still has a loop
  CHECK(registry.sets().size() == 1);
}

TEST_CASE("fleet: tasks and leaks of the processes that are looked at, and no series without a look", "[fleet]") {
  Registry registry;
  registry.update(service("a"), reading(1, kS), counters({2 * kMs}), kStallNs);
  registry.update(service("b"), reading(2, kS), counters({2 * kMs}), kStallNs);
  CHECK(text_of(registry).find("asyncio_task_count") == std::string::npos);
  CHECK(text_of(registry).find("asyncio_leak_count") == std::string::npos);
  registry.looked(service("a"), 7, 30, {});
  registry.looked(service("a"), 8, 12, model::LeakCounts{0, 2, 0, 0, 0, 1});
  registry.looked(service("a"), 8, {}, model::LeakCounts{0, 3, 0, 0, 0, 1});
  registry.looked(service("without-a-loop"), 9, 5, {});
  const std::string labels = "service_name=\"a\",systemd_unit=\"a.service\"";
  auto text = text_of(registry);
  CHECK(has_line(text, "asyncio_task_count{" + labels + "} 42"));
  CHECK(has_line(text, "asyncio_leak_count{" + labels + ",asyncio_leak_class=\"orphaned\"} 3"));
  CHECK(has_line(text, "asyncio_leak_count{" + labels + ",asyncio_leak_class=\"stuck\"} 0"));
  CHECK(text.find("asyncio_task_count{service_name=\"b\"") == std::string::npos);
  registry.end_looks(8);
  text = text_of(registry);
  CHECK(has_line(text, "asyncio_task_count{" + labels + "} 30"));
  CHECK(text.find("asyncio_leak_count") == std::string::npos);
  // As long as somebody looks at one of its processes it is not forgotten.
  registry.end(7, 1, kS);
  registry.forget(10'000 * kS);
  CHECK(registry.sets().size() == 2);
  registry.end_looks(7);
  registry.forget(10'000 * kS);
  CHECK(registry.sets().size() == 1);
}

TEST_CASE("fleet: labels are escaped, and say where a name is only the command's", "[fleet]") {
  CHECK(fleet::labels_of({.name = "a\"b\\c\nd", .source = proc::ServiceSource::environment}) ==
        R"(service_name="a\"b\\c\nd")");
  CHECK(fleet::labels_of({.name = "python3"}) == "service_name=\"unknown_service:python3\"");
  CHECK(fleet::labels_of({.name = "x",
                          .source = proc::ServiceSource::container,
                          .service_namespace = "n",
                          .container_id = "i",
                          .container_name = "c",
                          .pod = "p",
                          .pod_namespace = "s",
                          .pod_uid = "u"}) ==
        "service_name=\"x\",service_namespace=\"n\",container_id=\"i\",k8s_container_name=\"c\",k8s_pod_name=\"p\","
        "k8s_namespace_name=\"s\",k8s_pod_uid=\"u\"");
  // Each login has a scope of its own: it is no service.
  CHECK(fleet::metric_identity({.name = "x", .unit = "session-3.scope"}).unit.empty());
  CHECK(fleet::metric_identity({.name = "x", .unit = "x.service"}).unit == "x.service");
}

TEST_CASE("fleet: the daemon itself; what is not known is absent, not 0", "[fleet]") {
  const Registry registry;
  auto text = text_of(registry);
  CHECK(text.find("aiotrace_bpf_time") == std::string::npos);
  CHECK(text.find("aiotrace_memory_usage") == std::string::npos);
  CHECK(text.find("aiotrace_config") == std::string::npos);
  CHECK(has_line(text, "aiotrace_losses_total{loss=\"ring-full\"} 0"));
  fleet::SelfMetrics self{.version = "1\"", .kernel = "6", .cpu_ns = 1'500 * kMs, .bpf_ns = 7, .resident_bytes = 4096};
  self.dropped.push_back({"otlp", "queue-full", 3});
  self.configuration_is_fresh = false;
  text = fleet::exposition(registry, self, fleet::TextFormat::prometheus, 0);
  CHECK(has_line(text, "aiotrace_cpu_time_seconds_total 1.500000000"));
  CHECK(has_line(text, "aiotrace_bpf_time_seconds_total 0.000000007"));
  CHECK(has_line(text, "aiotrace_memory_usage_bytes{aiotrace_memory_type=\"resident\"} 4096"));
  CHECK(has_line(text, "aiotrace_export_dropped_total{exporter=\"otlp\",reason=\"queue-full\"} 3"));
  CHECK(has_line(text, "aiotrace_config_last_reload_successful 0"));
  CHECK(has_line(text, "aiotrace_build_info{version=\"1\\\"\",kernel=\"6\"} 1"));
}

TEST_CASE("fleet: the format that is asked for", "[fleet]") {
  using fleet::format_for;
  using fleet::TextFormat;
  CHECK(format_for("") == TextFormat::prometheus);
  CHECK(format_for("text/plain;version=0.0.4;q=0.5,*/*;q=0.1") == TextFormat::prometheus);
  CHECK(format_for("application/openmetrics-text;version=1.0.0,text/plain;q=0.5") == TextFormat::openmetrics);
}
