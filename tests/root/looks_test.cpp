// What the daemon finds beside stalls, and sends: hangs, leaks and profiles.
#include <signal.h>

#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tests/support/collector.h"

namespace aiotrace::testing {

TEST_CASE("export: hangs and leaks of the processes that are looked at", "[serve][export]") {
  const auto hanging = unique_service();
  const auto leaking = unique_service();
  Target hangs(python_as(hanging, "hang_graphs.py"), {"--seed", "2"});  // has a deadlock, as hangs_test.cpp checks
  Target leaks(python_as(leaking, "leaky.py"), {});
  hangs.wait_ready();
  (void)hangs.line();  // nothing moves any more
  REQUIRE(Json::parse(leaks.line())["dropped"].size() == 1);
  const Port port;
  const Collector collector(port);
  const Settings settings("serve-test-*", otlp(port, "interval = \"1s\"\n") + "[looks]\nhangs = true\nleaks = true\n");
  const Daemon daemon({"--config", settings.path()});
  const auto of = [](const std::vector<Json>& records, const std::string& service, const std::string& name) {
    std::vector<Json> found;
    for (const auto& each : records) {
      if (each.value("event", each.value("metric", "")) == name && each["resource"]["service.name"] == service)
        found.push_back(each);
    }
    return found;
  };
  const auto all = collector.wait([&](const auto& got) {
    return !of(got, hanging, "asyncio.hang").empty() && !of(got, leaking, "asyncio.leak").empty() &&
           !of(got, leaking, "asyncio.leak.count").empty() && !of(got, hanging, "asyncio.task.count").empty();
  });
  const auto found = of(all, hanging, "asyncio.hang");
  CHECK(std::ranges::any_of(found, [](const Json& each) {
    return each["attributes"]["asyncio.hang.verdict"] == "deadlock" && each["severity"] == 17 &&
           each["attributes"].contains("code.stacktrace");
  }));
  std::set<std::string> ids;
  for (const auto& each : found) CHECK(ids.insert(each["attributes"]["asyncio.hang.id"]).second);
  // What the program dropped is a leak at once; what else it has is too young to be one.
  const auto lost = of(all, leaking, "asyncio.leak");
  CHECK(static_cast<int>(lost.size()) == 1);
  CHECK(lost.front()["attributes"]["asyncio.leak.class"] == "dropped");
  CHECK(lost.front()["resource"]["process.pid"] == leaks.pid());
  const auto metrics = daemon.metrics();
  CHECK(metrics.sum("asyncio_leak_count", {label_of(leaking), "class=\"dropped\""}) == 1);
  CHECK(metrics.sum("asyncio_leak_count", {label_of(leaking), "class=\"stuck\""}) == 0);
  CHECK(metrics.count("asyncio_leak_count", {label_of(hanging), "class=\"dropped\""}) == 1);
  CHECK(metrics.sum("asyncio_task_count", {label_of(hanging)}) >= 2);
  // An ended process is looked at no longer.
  hangs.process().signal(SIGKILL);
  daemon.wait_metrics([&](const Metrics& now) { return now.count("asyncio_task_count", {label_of(hanging)}) == 0; });
}

TEST_CASE("export: a long stall starts a profile of its process, as often as it is allowed to", "[serve][export]") {
  const auto service = unique_service();
  Target target(python_as(service, "faults.py"), {"--faults", "python:1000,python:600", "--stay"});
  target.wait_ready();
  const Port port;
  const Collector collector(port, {"--answers", "503,200", "--only", "/ingest"});
  const Settings settings(service, otlp(port) + "[profiles]\nendpoint = \"" + port.url() +
                                       "\"\nstall = \"300ms\"\nduration = \"1s\"\nper_hour = 1\n");
  const Daemon daemon({"--config", settings.path()});
  daemon.wait_metrics([&](const Metrics& now) { return now.sum("asyncio_eventloops", {label_of(service)}) >= 1; });
  target.go();
  const auto profiles = [](const std::vector<Json>& records) {
    std::vector<Json> found;
    for (const auto& each : records) {
      if (each.value("path", "") == "/ingest" && each["status"] == 200) found.push_back(each);
    }
    return found;
  };
  const auto all = collector.wait(
      [&](const auto& got) { return !profiles(got).empty() && ended_stalls(got).size() >= 2; });
  const auto sent = profiles(all);
  REQUIRE(sent.size() == 1);
  const auto& profile = sent.front();
  const auto& query = profile["query"];
  CHECK(query["format"] == "pprof");
  CHECK(query["name"].get<std::string>().starts_with(service + "{host_name="));
  const auto from = std::stoll(query["from"].get<std::string>());
  CHECK(from > 1'600'000'000);
  CHECK(std::stoll(query["until"].get<std::string>()) > from);
  const auto& strings = profile["strings"];
  for (const auto* text : {"cpu", "samples", "nanoseconds", "block_python"}) {
    CAPTURE(text);
    CHECK(std::ranges::find(strings, text) != strings.end());
  }
  // The stall's event names it; the next one found no budget.
  std::set<std::string> ids;
  for (const auto& each : ended_stalls(all)) ids.insert(each["attributes"].value("profile.id", ""));
  for (const auto& each : all) {
    if (each.contains("event")) ids.insert(each["attributes"].value("profile.id", ""));
  }
  ids.erase("");
  REQUIRE(ids.size() == 1);
  CHECK(query["name"].get<std::string>().find("profile_id=" + *ids.begin()) != std::string::npos);
  CHECK(daemon.metrics().sum(kDropped, {"exporter=\"pyroscope\""}) == 0);
}

}  // namespace aiotrace::testing
