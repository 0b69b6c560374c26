#include "output/json/run.h"

#include <nlohmann/json.hpp>

#include "model/cause.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;
using nlohmann::json;

namespace {

json stall_json(const model::Stall& stall) {
  output::StringSink sink;
  REQUIRE(output::JsonOutput(sink, samples::context()).stall(stall).has_value());
  return json::parse(sink.text());
}

json culprit_json(model::Cause cause, const model::Culprit& culprit) {
  auto stall = samples::stall();
  stall.segments.resize(1);
  stall.segments[0].cause = cause;
  stall.segments[0].culprit = culprit;
  return stall_json(stall)["segments"][0]["culprit"];
}

}  // namespace

TEST_CASE("a run in JSON", "[output]") {
  output::StringSink sink;
  output::JsonOutput json_output(sink, samples::context());
  REQUIRE(json_output.watching(samples::watching()).has_value());
  REQUIRE(json_output.stall(samples::stall()).has_value());
  REQUIRE(json_output.summary(samples::summary()).has_value());
  samples::check_golden("run.json", sink.text());
}

TEST_CASE("JSON says null for what is not known", "[output]") {
  const auto object = stall_json(model::Stall{});
  CHECK(object["task"].is_null());
  CHECK(object["thread"].is_null());
  CHECK(object["loop"]["epfd"].is_null());
  CHECK(object["loop"]["kind"] == "other");
  CHECK(object["level"] == "warn");
  CHECK(object["causes"].is_object());
  CHECK(object["segments"].is_array());

  model::Stall stall;
  stall.task = model::Task{std::nullopt, "", "", 0};
  stall.segments.emplace_back();
  stall.segments[0].stack = model::Stack{{model::Frame::Kind::kernel, "", "", 0}};
  const auto unknown = stall_json(stall);
  for (const auto* field : {"name", "coroutine", "file", "line"}) CHECK(unknown["task"][field].is_null());
  CHECK(unknown["segments"][0]["syscall"].is_null());
  CHECK(unknown["segments"][0]["culprit"].is_null());
  CHECK(unknown["segments"][0]["stack"][0] ==
        json::parse(R"({"kind": "kernel", "function": null, "file": null, "line": null})"));
  stall.segments[0].stack.reset();
  CHECK(stall_json(stall)["segments"][0]["stack"].is_null());
}

TEST_CASE("culprits have the fields of their cause", "[output]") {
  using model::Cause;
  const model::Stack stack{samples::python("work", "w.py", 5)};
  CHECK(culprit_json(Cause::gil, model::GilHolder{.tid = 77, .thread = "worker", .stack = stack}) ==
        json::parse(R"({"tid": 77, "thread": "worker",
                        "stack": [{"kind": "python", "function": "work", "file": "w.py", "line": 5}]})"));
  CHECK(culprit_json(Cause::file, model::FileUse{.path = "/data/x", .op = "read"}) ==
        json::parse(R"({"path": "/data/x", "op": "read"})"));
  CHECK(culprit_json(Cause::network,
                     model::SocketEnds{.protocol = "udp", .local = "[::1]:5353", .peer = {}, .dns = true}) ==
        json::parse(R"({"protocol": "udp", "local": "[::1]:5353", "peer": null, "dns": true})"));
  CHECK(culprit_json(Cause::process, model::ChildProcess{.pid = 99, .comm = "sh"}) ==
        json::parse(R"({"pid": 99, "comm": "sh"})"));
  CHECK(culprit_json(Cause::native, model::NativeFunction{.library = "libzstd.so.1", .function = "ZSTD_compress"}) ==
        json::parse(R"({"library": "libzstd.so.1", "function": "ZSTD_compress"})"));
  CHECK(culprit_json(Cause::fault, model::MappedFile{.path = "/data/x"}) == json::parse(R"({"path": "/data/x"})"));
  CHECK(culprit_json(Cause::lock, model::LockAt{.address = 0x7fff0000}) ==
        json::parse(R"({"address": 2147418112, "name": null, "holder": null})"));
  CHECK(culprit_json(Cause::cpu_wait, model::Runners{{{.pid = 9, .comm = "make", .ns = 5}}}) ==
        json::parse(R"({"running": [{"pid": 9, "comm": "make", "ns": 5}]})"));
  CHECK(culprit_json(Cause::throttled, model::CpuQuota{.cgroup = "/app", .quota_us = 10, .period_us = 0}) ==
        json::parse(R"({"cgroup": "/app", "quota_us": 10, "period_us": null})"));
}

TEST_CASE("hostile names stay one line of valid JSON with nothing dropped", "[output]") {
  auto stall = samples::stall();
  const std::string hostile = "a\nb\x1b[2J\"\\;\u202e" + std::string(1, '\0') + "\x7f";
  stall.task->name = hostile;
  stall.thread = "bad\xff utf8";
  output::StringSink sink;
  REQUIRE(output::JsonOutput(sink, samples::context()).stall(stall).has_value());
  CHECK(std::count(sink.text().begin(), sink.text().end(), '\n') == 1);
  CHECK(sink.text().find('\x1b') == std::string::npos);
  const auto object = json::parse(sink.text());
  CHECK(object["task"]["name"] == hostile);
  CHECK(object["thread"] == "bad\ufffd utf8");
}

TEST_CASE("large numbers keep every digit", "[output]") {
  auto stall = samples::stall();
  stall.start_ns = 9'007'199'254'740'993;
  stall.duration_ns = ~0ULL;
  const auto object = stall_json(stall);
  CHECK(object["start_ns"].get<std::uint64_t>() == 9'007'199'254'740'993);
  CHECK(object["duration_ns"].get<std::uint64_t>() == ~0ULL);
}

TEST_CASE("an ongoing stall says so", "[output]") {
  auto stall = samples::stall();
  stall.ongoing = true;
  stall.at_least = true;
  const auto object = stall_json(stall);
  CHECK(object["ongoing"] == true);
  CHECK(object["at_least"] == true);
  CHECK(object["start_known"] == false);
  CHECK(object["id"] == 7);
  CHECK(object["time"] == "2026-11-05T12:03:22.123Z");
}
