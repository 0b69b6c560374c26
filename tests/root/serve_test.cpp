// The daemon: what it counts is what the targets wrote down; requests that are wrong, slow or many; its end.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/support/daemon.h"
#include "tests/support/match.h"
#include "tests/support/python.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr double kMs = 1e-3;
// How far a stall's own clock and aiotrace's may be apart.
constexpr double kNearMs = 5;

double iteration_ms(const Json& record) {
  return (record["iteration_end_ns"].get<double>() - record["iteration_start_ns"].get<double>()) / 1e6;
}

struct Expected {
  double least = 0;
  double most = 0;
};

/// How many iterations were longer than this, as far as the target's own clock can know.
Expected longer_than(const std::vector<Json>& records, double ms) {
  Expected expected;
  for (const auto& record : records) {
    expected.least += iteration_ms(record) > ms + kNearMs ? 1 : 0;
    expected.most += iteration_ms(record) > ms - kNearMs ? 1 : 0;
  }
  return expected;
}

void check_within(double value, Expected expected) {
  CHECK(value >= expected.least);
  CHECK(value <= expected.most);
}

const std::string kStalls = "asyncio_eventloop_stalls_total";
const std::string kStallTime = "asyncio_eventloop_stall_time_seconds_total";
const std::string kIterations = "asyncio_eventloop_iteration_duration_seconds_bucket";

double stalls(const Metrics& metrics, const std::string& service) { return metrics.sum(kStalls, {label_of(service)}); }

}  // namespace

TEST_CASE("serve: counters and histogram are what the target wrote down, and stay when it has ended", "[serve]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:70*4,python:120*2,sleep:300", "--own-clock"});
  target.wait_ready();
  const Daemon daemon;
  daemon.wait_metrics(
      [&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service), "kind=\"asyncio\""}) == 1; });
  target.go();
  CHECK(target.process().wait() == 0);

  const auto records = target.records();
  const auto all = longer_than(records, 50);
  REQUIRE(all.least >= 7);
  const auto metrics = daemon.wait_metrics([&](const Metrics& now) {
    return stalls(now, service) >= all.least && now.sum("asyncio_eventloops", {label_of(service)}) == 0;
  });
  check_within(stalls(metrics, service), all);
  check_within(metrics.sum(kStalls, {label_of(service), "level=\"error\""}), longer_than(records, 200));

  double least_s = 0, python_s = 0;
  for (const auto& record : records) {
    const double ms = (record["end_ns"].get<double>() - record["start_ns"].get<double>()) / 1e6;
    if (record["kind"] == "incidental" || ms < 60) continue;
    least_s += ms * kMs;
    if (record["kind"] == "python") python_s += ms * kMs;
  }
  CHECK(metrics.sum(kStallTime, {label_of(service)}) >= least_s * 0.99);
  CHECK(metrics.sum(kStallTime, {label_of(service), "cause=\"sleep\""}) >= 4 * 0.07 + 0.3);
  // What it computes may wait for a CPU in between.
  CHECK(metrics.sum(kStallTime, {label_of(service), "cause=\"python\""}) <= python_s * 1.01 + 0.1);

  const auto above = [&](const std::string& limit) {
    return metrics.sum(kIterations, {label_of(service), "le=\"+Inf\""}) -
           metrics.sum(kIterations, {label_of(service), "le=\"" + limit + "\""});
  };
  check_within(above("0.05"), longer_than(records, 50));
  // A limit is met within 6 %.
  check_within(above("0.2"), {longer_than(records, 212).least, longer_than(records, 188).most});
  CHECK(metrics.sum("asyncio_eventloop_iteration_duration_seconds_sum", {label_of(service)}) >= least_s * 0.99);
  CHECK(metrics.sum("asyncio_eventloop_time_seconds_total", {label_of(service), "state=\"active\""}) >= least_s * 0.99);
  CHECK(metrics.sum("asyncio_eventloop_stall_ongoing_seconds", {label_of(service)}) == 0);
}

TEST_CASE("serve: the workers of a service are one set of series; what ended ones counted stays in", "[serve]") {
  const auto service = unique_service();
  Target target(python_as(service, "workers.py"), {"--workers", "2", "--later", "1", "--count", "2", "--ms", "90"});
  target.wait_ready();
  const Daemon daemon;
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service)}) == 2; });
  target.go();
  CHECK(target.process().wait() == 0);
  const auto metrics = daemon.wait_metrics([&](const Metrics& now) {
    return stalls(now, service) >= 6 && now.sum("asyncio_eventloops", {label_of(service)}) == 0;
  });
  CHECK(metrics.count("asyncio_eventloops", {label_of(service)}) == 1);
  CHECK(metrics.sum(kStallTime, {label_of(service), "cause=\"sleep\""}) >= 6 * 0.09);
  // Nothing of a pid, a task or a place is a label.
  const auto text = daemon.get("/metrics");
  for (const auto* word : {"pid=", "tid=", "task=", "file=", "line=", "stall-0"})
    CHECK(text.find(word) == std::string::npos);
}

TEST_CASE("serve: a loop that hangs is seen while it does", "[serve]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:600000"});
  target.wait_ready();
  const Daemon daemon;
  target.go();
  const auto ongoing = [&](const Metrics& now) {
    return now.sum("asyncio_eventloop_stall_ongoing_seconds", {label_of(service)});
  };
  const auto first = daemon.wait_metrics([&](const Metrics& now) { return ongoing(now) > 0.3; });
  const auto later = daemon.wait_metrics([&](const Metrics& now) { return ongoing(now) > ongoing(first) + 0.3; });
  // Its time goes on too, and no iteration is counted before it has ended.
  const auto active = [&](const Metrics& now) {
    return now.sum("asyncio_eventloop_time_seconds_total", {label_of(service), "state=\"active\""});
  };
  CHECK(active(later) >= active(first) + 0.3);
  target.process().signal(SIGKILL);
  const auto after = daemon.wait_metrics(
      [&](const Metrics& now) { return now.sum(kStalls, {label_of(service), "level=\"error\""}) >= 1; });
  CHECK(ongoing(after) == 0);
}

TEST_CASE("serve: both text formats pass promtool, with exemplars where there may be some", "[serve]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:300"});
  target.wait_ready();
  Daemon daemon;
  target.go();
  daemon.wait_metrics([&](const Metrics& now) { return stalls(now, service) >= 1; });
  const auto open = daemon.ask("GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n");
  CHECK_THAT(open,
             ContainsSubstring("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
  CHECK_THAT(open, ContainsSubstring("# {stall_id=\""));
  CHECK(open.ends_with("# EOF\n"));
  CHECK_THAT(daemon.get("/-/healthy"), ContainsSubstring("alive"));
  CHECK_THAT(daemon.get("/-/ready"), ContainsSubstring("ready"));
  if (run({"/bin/sh", "-c", "command -v promtool"}).status != 0)
    AIOTRACE_SKIP("no promtool: tools/setup.sh fleet installs it");
  const Scratch scratch;
  std::ofstream(scratch.file("metrics")) << daemon.get("/metrics");
  const auto checked = run({"/bin/sh", "-c", "exec promtool check metrics < " + scratch.file("metrics")});
  INFO(checked.out << checked.err);
  CHECK(checked.status == 0);
}

TEST_CASE("serve: wrong requests are refused, and slow or many clients keep nobody out", "[serve]") {
  const Daemon daemon;
  const std::string host = "Host: localhost\r\n";
  CHECK_THAT(daemon.ask("GET /other HTTP/1.1\r\n" + host + "\r\n"), ContainsSubstring(" 404 "));
  CHECK_THAT(daemon.ask("GET /../etc/passwd HTTP/1.1\r\n" + host + "\r\n"), ContainsSubstring(" 404 "));
  for (const auto* method : {"POST", "PUT", "DELETE", "CONNECT", "NONSENSE"}) {
    const auto answer = daemon.ask(std::string(method) + " /metrics HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n");
    CAPTURE(method);
    CHECK_FALSE(answer.starts_with("HTTP/1.1 200"));
  }
  const auto with_body = daemon.ask("GET /metrics HTTP/1.1\r\n" + host + "Content-Length: 1000000\r\n\r\nx");
  CHECK_FALSE(with_body.starts_with("HTTP/1.1 200"));
  const auto huge = daemon.ask("GET /metrics HTTP/1.1\r\n" + host + "X: " + std::string(1'000'000, 'x') + "\r\n\r\n");
  CHECK_FALSE(huge.starts_with("HTTP/1.1 200"));
  (void)daemon.ask(std::string(100'000, '\0'));
  (void)daemon.ask("\r\n\r\n\r\n\x80\xff\r\n");

  // More than may be there at a time, which all say nothing.
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(std::make_unique<Connection>(daemon.port()));
  for (const auto& each : silent) each->send("GET /metr");
  CHECK_THAT(daemon.get("/-/healthy"), ContainsSubstring("alive"));
}

TEST_CASE("serve: a client that sends a byte now and then is cut off, and counted", "[serve]") {
  const Daemon daemon;
  const Connection slow(daemon.port());
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100'000, 'x');
  std::size_t sent = 0;
  // Its next byte always comes before the time for one is over.
  daemon.wait_metrics([&](const Metrics& now) {
    if (sent < request.size()) slow.send(request.substr(sent++, 1));
    return now.sum("aiotrace_http_refused_total", {}) == 1;
  });
  CHECK(slow.rest().find(" 200 ") == std::string::npos);
  CHECK_THAT(daemon.get("/-/healthy"), ContainsSubstring("alive"));
}

TEST_CASE("serve: whatever a service calls itself, the text formats stay whole", "[serve]") {
  const auto service = unique_service();
  const std::string hostile = service + "\"} 1\nasyncio_eventloops{x=\"\\\xff\xc3\x28\x1b[31m\u202e" +
                              std::string(5000, 'y');
  Target target(python_as(hostile, "faults.py"), {"--faults", "sleep:100", "--stay"});
  target.wait_ready();
  const Daemon daemon;
  const std::string label = "service_name=\"" + service + "\\\"} 1";
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label}) == 1; });
  target.go();
  daemon.wait_metrics([&](const Metrics& now) { return now.sum(kStalls, {label}) >= 1; });
  const auto text = daemon.get("/metrics");
  for (const auto& line : lines_of(text)) {
    // Each series begins with a name of ours, and none of these is one that the service made.
    CAPTURE(line);
    CHECK((line.starts_with("# ") || line.starts_with("asyncio_") || line.starts_with("aiotrace_")));
    CHECK_FALSE(line.starts_with("asyncio_eventloops{x="));
    CHECK(line.size() < 1000);
    for (const auto* part : {"\xff", "\x1b", "\u202e"}) CHECK(line.find(part) == std::string::npos);
  }
  if (run({"/bin/sh", "-c", "command -v promtool"}).status != 0)
    AIOTRACE_SKIP("no promtool: tools/setup.sh fleet installs it");
  const Scratch scratch;
  std::ofstream(scratch.file("metrics")) << text;
  const auto checked = run({"/bin/sh", "-c", "exec promtool check metrics < " + scratch.file("metrics")});
  INFO(checked.out << checked.err);
  CHECK(checked.status == 0);
}

TEST_CASE("serve: a port in use is one line, SIGTERM ends it with status 0", "[serve]") {
  Daemon daemon;
  const auto second = run({aiotrace_binary(), "serve", "--listen", "127.0.0.1:" + std::to_string(daemon.port())});
  CHECK(second.status == 1);
  CHECK(lines_of(second.err).size() == 1);
  CHECK_THAT(second.err, ContainsSubstring("listen on 127.0.0.1:") && ContainsSubstring("in use"));
  const auto none = run({aiotrace_binary(), "serve", "--listen", "nonsense"});
  CHECK(none.status == 2);
  CHECK(lines_of(none.err).size() == 1);
  daemon.process().signal(SIGTERM);
  CHECK(daemon.process().wait() == 0);
}

TEST_CASE("serve: a configuration is read anew whole or not at all", "[serve]") {
  const auto service = unique_service();
  const Scratch scratch;
  const auto file = scratch.file("aiotrace.toml");
  // In one step, as editors and Kubernetes do it.
  const auto write = [&](const std::string& text) {
    std::ofstream(file + ".new") << text;
    std::filesystem::permissions(file + ".new", std::filesystem::perms(0644));
    std::filesystem::rename(file + ".new", file);
  };
  write("[deny]\nservice = [\"" + service + "\"]\n");
  Target denied(python_as(service, "faults.py"), {"--faults", "sleep:100", "--stay"});
  denied.wait_ready();
  Daemon daemon({"--config", file});
  const auto fresh = [&](const Metrics& now) { return now.sum("aiotrace_config_last_reload_successful", {}); };
  CHECK(fresh(daemon.metrics()) == 1);

  write("[deny]\nservce = [\"x\"]\n");
  daemon.process().signal(SIGHUP);
  daemon.wait_message("aiotrace.toml:2: there is no setting servce in [deny]");
  daemon.wait_metrics([&](const Metrics& now) { return fresh(now) == 0; });
  write("[stalls]\nwarn = \"10ms\"\n");
  daemon.wait_message("stalls.warn cannot change while aiotrace runs");
  denied.go();
  CHECK(daemon.metrics().count("asyncio_eventloops", {label_of(service)}) == 0);

  write("# nobody is denied\n");
  daemon.wait_metrics(
      [&](const Metrics& now) { return fresh(now) == 1 && now.sum("asyncio_eventloops", {label_of(service)}) == 1; });
  write("[deny]\nservice = [\"" + service + "\"]\n");
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service)}) == 0; });
  CHECK_FALSE(denied.process().ended());
}

TEST_CASE("serve: recordings survive SIGKILL, and report --last reads them, by service", "[serve]") {
  const auto service = unique_service();
  const Scratch scratch;
  const auto state = scratch.file("state");
  Target target(python_as(service, "faults.py"), {"--faults", "sleep:110*3", "--own-clock"});
  target.wait_ready();
  Daemon daemon({"--state", state});
  target.go();
  CHECK(target.process().wait() == 0);
  const auto all = longer_than(target.records(), 50);
  REQUIRE(all.least >= 3);
  const auto counted = stalls(
      daemon.wait_metrics([&](const Metrics& now) { return stalls(now, service) >= all.least; }), service);
  daemon.process().signal(SIGKILL);
  (void)daemon.process().wait();

  const auto report = [&](const std::string& of) {
    return run({aiotrace_binary(), "report", "--last", "1h", "--state", state, "--service", of, "--json", "-"});
  };
  const auto found = report(service);
  INFO(found.err);
  CHECK(found.status == 0);
  const auto lines = ndjson(found.out);
  CHECK(schema_complaints(lines) == std::vector<std::string>{});
  CHECK(static_cast<double>(stalls_in(lines).size()) == counted);
  CHECK(lines.back()["stalls"] == counted);
  std::size_t named = 0;
  for (const auto& record : target.records()) {
    if (record["kind"] != "sleep") continue;
    for (const auto& stall : stalls_in(lines))
      named += stall["pid"] == target.pid() && !stall["segments"].empty() && stall["segments"][0]["cause"] == "sleep" &&
                       stall["start_ns"] <= record["start_ns"] && stall["duration_ns"].get<double>() >= 0.99 * 110e6 &&
                       stall["start_ns"].get<double>() + stall["duration_ns"].get<double>() >= record["end_ns"]
                   ? 1
                   : 0;
  }
  CHECK(named == 3);
  const auto none = report(service + "-other");
  CHECK(none.status == 0);
  CHECK_THAT(none.out, ContainsSubstring("no stall of 50.0 ms or more of service " + service + "-other"));

  // The next one goes on beside them.
  Daemon next({"--state", state});
  CHECK(next.metrics().sum("aiotrace_recorder_size_bytes", {}) > 0);
  next.process().signal(SIGTERM);
  CHECK(next.process().wait() == 0);
  CHECK(static_cast<double>(stalls_in(ndjson(report(service).out)).size()) == counted);
}

}  // namespace aiotrace::testing
