// What the daemon sends: each stall that a target wrote down arrives once, also at a collector that is down, slow or
// refuses for a while; what is dropped is counted.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/support/collector.h"
#include "tests/support/daemon.h"
#include "tests/support/python.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

double wall_minus_monotonic_ns() {
  const auto now = [](clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  return now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
}

/// How many of the events are the stall of this record: of its cause, and it ended in that iteration.
std::size_t matching(const Json& record, const std::vector<Json>& events, double offset_ns) {
  constexpr double kSlackNs = 20e6;  // between two readings of two clocks, on a busy machine
  return static_cast<std::size_t>(std::ranges::count_if(events, [&](const Json& event) {
    const double end_ns = event["time_ns"].get<double>() - offset_ns;
    const double ns = event["attributes"]["asyncio.eventloop.stall.duration"].get<double>() * 1e9;
    return end_ns >= record["end_ns"].get<double>() - kSlackNs &&
           end_ns - ns <= record["start_ns"].get<double>() + kSlackNs;
  }));
}

double stalls_of_like(const Daemon& daemon, const std::string& part) { return daemon.metrics().sum(kStalls, {part}); }

/// Lets it stall, until the daemon has counted all of it.
double stall_and_count(Target& target, const Daemon& daemon, const std::string& service, double least) {
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service)}) >= 1; });
  target.go();
  CHECK(target.process().wait() == 0);
  const auto counted = daemon.wait_metrics([&](const Metrics& now) {
    return stalls_of(now, service) >= least && now.sum("asyncio_eventloops", {label_of(service)}) == 0;
  });
  return stalls_of(counted, service);
}

}  // namespace

TEST_CASE("export: each stall that the target wrote down arrives once, with whose it is and where", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*4,python:120*2,sleep:500", "--own-clock"});
  target.wait_ready();
  const Port port;
  const Collector collector(port);
  const Settings settings(service, otlp(port, "interval = \"1s\"\n"));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 7);
  const auto offset_ns = wall_minus_monotonic_ns();
  const auto all = collector.wait([&](const auto& got) {
    return static_cast<double>(ended_stalls(got).size()) >= counted && std::ranges::any_of(got, [&](const Json& each) {
             return each.value("metric", "") == "asyncio.eventloop.time" && each["resource"]["service.name"] == service;
           });
  });
  const auto events = ended_stalls(all);
  CHECK(static_cast<double>(events.size()) == counted);
  check_ids_are_different(events);
  std::size_t found = 0;
  for (const auto& record : target.records()) {
    if (record["kind"] == "incidental") continue;
    CAPTURE(record.dump());
    CHECK(matching(record, events, offset_ns) == 1);
    ++found;
  }
  CHECK(found == 7);

  // One that goes on is reported with the id that its end has.
  std::size_t ongoing = 0;
  for (const auto& each : all) {
    if (each.value("event", "") != "asyncio.eventloop.stall") continue;
    CHECK(each["resource"]["service.name"] == service);
    CHECK(each["resource"]["process.pid"] == target.pid());
    CHECK_FALSE(each["resource"]["host.name"].get<std::string>().empty());
    if (!each["attributes"]["asyncio.eventloop.stall.ongoing"].get<bool>()) continue;
    ++ongoing;
    CHECK(std::ranges::count(events, id_of(each), id_of) == 1);
  }
  CHECK(ongoing >= 1);
  // The last fault of the list.
  const auto records = target.records();
  const auto fault = std::ranges::find_if(records, [](const Json& each) { return each.value("asked_ms", 0.0) == 500; });
  REQUIRE(fault != records.end());
  const auto slept = std::ranges::find_if(events,
                                          [&](const Json& each) { return matching(*fault, {each}, offset_ns) == 1; });
  REQUIRE(slept != events.end());
  const auto named = (*slept)["attributes"];
  CHECK((*slept)["severity"] == 17);
  CHECK(named["asyncio.eventloop.stall.level"] == "error");
  CHECK(named["asyncio.eventloop.stall.cause"] == "sleep");
  CHECK(named["asyncio.eventloop.stall.time.sleep"].get<double>() >= 0.5);
  CHECK(named["code.file.path"].get<std::string>().find("tests/programs/") != std::string::npos);
  CHECK(named.contains("code.stacktrace"));
  CHECK(named.contains("code.line.number"));
  CHECK(std::ranges::any_of(events, [](const Json& each) { return each["attributes"].contains("asyncio.task.name"); }));
}

TEST_CASE("export: also a stall that comes before it is known what kind of loop it is", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*3", "--stay"});
  target.wait_ready();
  const Port port;
  const Collector collector(port);
  const Settings settings(service, otlp(port));
  const Daemon daemon({"--config", settings.path()});
  target.go();
  daemon.wait_metrics([&](const Metrics& now) { return stalls_of(now, service) >= 3; });
  const auto all = collector.wait([&](const auto& got) { return ended_stalls(got).size() >= 3; });
  check_ids_are_different(ended_stalls(all));
  for (const auto& each : ended_stalls(all)) CHECK(each["attributes"]["asyncio.eventloop.kind"] == "asyncio");
}

TEST_CASE("export: metrics are those of /metrics, under the same names", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*2,sleep:300"});
  target.wait_ready();
  const Port port;
  const Collector collector(port);
  const Settings settings(service, otlp(port, "interval = \"1s\"\ngzip = false\n"));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 3);
  const auto metrics = daemon.metrics();
  // Of the last time that they were sent: by name and attributes.
  const auto newest = [&](const std::vector<Json>& records, const std::string& name) {
    std::map<std::string, Json> points;
    for (const auto& each : records) {
      if (each.value("metric", "") != name || each["resource"]["service.name"] != service) continue;
      auto& point = points[each["attributes"].dump()];
      if (!point.is_null()) CHECK(each["time_ns"] > point["time_ns"]);
      point = each;
    }
    return points;
  };
  const auto sum = [](const std::map<std::string, Json>& points) {
    double all = 0;
    for (const auto& [key, point] : points) all += point["value"].get<double>();
    return all;
  };
  const auto got = collector.wait(
      [&](const auto& records) { return sum(newest(records, "asyncio.eventloop.stalls")) >= counted; });
  for (const auto& each : got) {
    if (each.contains("request")) CHECK(each["encoding"] == "");
    if (each.value("type", "") == "sum") CHECK(each["cumulative"] == true);
    if (each.contains("start_ns")) CHECK(each["start_ns"].get<double>() > 1.6e18);
    if (each.contains("start_ns")) CHECK(each["start_ns"] <= each["time_ns"]);
  }
  CHECK(sum(newest(got, "asyncio.eventloop.stalls")) == counted);
  const auto time = newest(got, "asyncio.eventloop.stall.time");
  REQUIRE(!time.empty());
  CHECK(time.begin()->second["unit"] == "s");
  CHECK(time.begin()->second["monotonic"] == true);
  CHECK(std::abs(sum(time) - metrics.sum("asyncio_eventloop_stall_time_seconds_total", {label_of(service)})) < 1e-6);
  const auto histogram = newest(got, "asyncio.eventloop.iteration.duration");
  REQUIRE(histogram.size() == 1);
  const auto& point = histogram.begin()->second;
  const std::string name = "asyncio_eventloop_iteration_duration_seconds";
  CHECK(point["value"] == metrics.sum(name + "_count", {label_of(service)}));
  CHECK(std::abs(point["sum"].get<double>() - metrics.sum(name + "_sum", {label_of(service)})) < 1e-6);
  CHECK(point["counts"].size() == point["bounds"].size() + 1);
  CHECK(point["counts"][0] == metrics.sum(name + "_bucket", {label_of(service), "le=\"0.001\""}));
  CHECK(!point["exemplars"].empty());
  // And the daemon's own.
  CHECK(std::ranges::any_of(got, [](const Json& each) {
    return each.value("metric", "") == "aiotrace.export.dropped" && each["resource"]["service.name"] == "aiotrace";
  }));
}

TEST_CASE("export: whatever a program calls its service, tasks and functions, the collector can read it",
          "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service + "\"\n\xff\xc3\x28", "names.py"), {});
  target.wait_ready();
  const Port port;
  const Collector collector(port);
  const Settings settings(service + "*", otlp(port, "interval = \"1s\"\n"));
  const Daemon daemon({"--config", settings.path()});
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {service}) >= 1; });
  target.go();
  CHECK(target.process().wait() == 0);
  // The collector refuses what is not UTF-8, as a real one does: records() then has an error.
  const auto all = collector.wait([&](const auto& got) {
    return static_cast<double>(ended_stalls(got).size()) >= stalls_of_like(daemon, service) &&
           !ended_stalls(got).empty();
  });
  for (const auto& each : ended_stalls(all)) {
    for (const auto& [key, value] : each["attributes"].items()) {
      CAPTURE(key);
      if (value.is_string()) CHECK(value.get<std::string>().size() <= 4096);
    }
  }
}

TEST_CASE("export: a collector that is down and then answers 503 gets each stall once all the same",
          "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*3"});
  target.wait_ready();
  const Port port;
  const Settings settings(service, otlp(port));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 3);
  daemon.wait_message("no answer");
  const Collector collector(port, {"--answers", "503+retry=1,200", "--only", "/v1/logs"});
  const auto all = collector.wait(
      [&](const auto& got) { return static_cast<double>(ended_stalls(got).size()) >= counted; });
  CHECK(static_cast<double>(ended_stalls(all).size()) == counted);
  check_ids_are_different(ended_stalls(all));
  CHECK(std::ranges::any_of(all, [](const Json& each) { return each["status"] == 503; }));
  daemon.wait_message("takes what it is sent again");
  for (const auto* reason : {"queue-full", "refused", "rejected"}) CHECK(dropped(daemon, reason) == 0);
}

TEST_CASE("export: what a collector refuses or rejects is dropped and counted", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*3"});
  target.wait_ready();
  const Port port;
  const Collector collector(port, {"--answers", "400,200+rejects=1,200", "--only", "/v1/logs"});
  const Settings settings(service, otlp(port));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 3);
  collector.wait([&](const auto& got) {
    double sent = 0;
    for (const auto& each : got) sent += each.contains("event") ? 1 : 0;
    return sent >= counted;
  });
  daemon.wait_metrics([&](const Metrics& now) { return now.sum(kDropped, {"reason=\"rejected\""}) == 1; });
  const auto all = collector.records();
  const auto refused = std::ranges::count_if(all, [](const Json& each) {
    return each.contains("event") && each["status"] == 400;
  });
  CHECK(refused >= 1);
  CHECK(dropped(daemon, "refused") == static_cast<double>(refused));
  CHECK(static_cast<double>(ended_stalls(all).size()) == counted - static_cast<double>(refused));
  check_ids_are_different(ended_stalls(all));
  daemon.wait_message("refused with status 400");
  daemon.wait_message("rejects 1 of what it was sent: why");
}

TEST_CASE("export: a collector that is slow to answer gets everything when it does", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*3"});
  target.wait_ready();
  const Port port;
  const Collector collector(port, {"--answers", "hang,close,200", "--only", "/v1/logs"});
  const Settings settings(service, otlp(port));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 3);
  daemon.wait_message("no answer");
  CHECK_THAT(daemon.get("/-/healthy"), Catch::Matchers::ContainsSubstring("alive"));
  const auto all = collector.wait(
      [&](const auto& got) { return static_cast<double>(ended_stalls(got).size()) >= counted; });
  CHECK(static_cast<double>(ended_stalls(all).size()) == counted);
  check_ids_are_different(ended_stalls(all));
}

TEST_CASE("export: without a collector 1,000 events wait, and the older ones are counted", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:2*1100"});
  target.wait_ready();
  const Port port;
  const Settings settings(service, "[stalls]\nwarn = \"1ms\"\nerror = \"60s\"\n" + otlp(port));
  const Daemon daemon({"--config", settings.path()});
  const auto counted = stall_and_count(target, daemon, service, 1100);
  CHECK(dropped(daemon, "queue-full") == counted - 1000);
  const Collector collector(port);
  const auto all = collector.wait([&](const auto& got) { return ended_stalls(got).size() >= 1000; });
  CHECK(ended_stalls(all).size() == 1000);
  check_ids_are_different(ended_stalls(all));
  CHECK(dropped(daemon, "queue-full") == counted - 1000);
  // Several requests, of some size each.
  for (const auto& each : all) CHECK((!each.contains("request") || each["bytes"].get<double>() < 600'000));
}

TEST_CASE("export: SIGTERM sends what waits; without a collector it says what was not sent", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*3,sleep:600000"});
  target.wait_ready();
  const Port port;
  const Settings settings(service, otlp(port, "interval = \"10m\"\n"));
  Daemon daemon({"--config", settings.path()});
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service)}) >= 1; });
  target.go();
  daemon.wait_metrics([&](const Metrics& now) {
    return stalls_of(now, service) >= 3 &&
           now.sum("asyncio_eventloop_stall_ongoing_seconds", {label_of(service)}) > 0.3;
  });
  SECTION("to a collector that has just come up") {
    daemon.wait_message("no answer");
    const Collector collector(port);
    daemon.process().signal(SIGTERM);
    CHECK(daemon.process().wait() == 0);
    const auto all = collector.records();
    const auto ended = ended_stalls(all);
    CHECK(ended.size() >= 3);
    check_ids_are_different(ended);
    // The one that goes on is reported a last time, and the metrics are of the end.
    CHECK(std::ranges::any_of(all, [](const Json& each) {
      return each.contains("event") && each["attributes"].contains("asyncio.eventloop.stall.unfinished");
    }));
    CHECK(std::ranges::any_of(all,
                              [](const Json& each) { return each.value("metric", "") == "asyncio.eventloop.time"; }));
  }
  SECTION("to nobody") {
    daemon.process().signal(SIGTERM);
    CHECK(daemon.process().wait() == 0);
    CHECK(daemon.err().find("events were not delivered to " + port.url()) != std::string::npos);
  }
  SECTION("to one that does not answer") {
    const Collector collector(port, {"--answers", "hang"});
    daemon.process().signal(SIGTERM);
    CHECK(daemon.process().wait() == 0);
    CHECK(daemon.err().find("events were not delivered to " + port.url()) != std::string::npos);
  }
}

}  // namespace aiotrace::testing
