// Pages, traces and profiles: golden files, hostile names, bounds, and readers that are not ours.
#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/histogram.h"
#include "output/page/page.h"
#include "output/page/stalls.h"
#include "output/trace/perfetto_stalls.h"
#include "output/trace/pprof.h"
#include "output/trace/speedscope.h"
#include "tests/catch.h"
#include "tests/unit/exports_samples.h"
#include "tests/unit/readers.h"

using namespace aiotrace;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using samples::data_of;
using samples::need_tool;
using samples::reader;
using samples::run_command;
using samples::TemporaryFile;

namespace {

const output::ProfileTime kTime{.start_unix_ns = 1'793'880'201'123'000'000, .duration_ns = 30'000'000'000};

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, MAX_WBITS + 16) == Z_OK);
  std::string out(16'000'000, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  // Nothing may follow: a reader would take it for another member.
  CHECK(stream.avail_in == 0);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string pprof_bytes(const samples::Run& run) {
  const auto file = output::pprof(run.stacks, kTime);
  REQUIRE(file.has_value());
  return *file;
}

// As `protoc --decode_raw` reads it: strings are escaped, so that lines can be looked for.
std::string decoded(const std::string& bytes) {
  need_tool("protoc");
  const TemporaryFile file("message", bytes);
  auto ran = run_command("protoc --decode_raw < " + file.path());
  CHECK(ran.status == 0);
  return ran.out;
}

}  // namespace

TEST_CASE("golden: the page's data", "[exports]") {
  samples::check_golden("report.json", json::parse(data_of(output::html_page(samples::run().report()))).dump(1) + "\n");
}

TEST_CASE("golden: a Perfetto trace", "[exports]") {
  samples::check_golden("run.perfetto-trace", output::perfetto_trace(samples::run().report()));
}

TEST_CASE("golden: a speedscope profile", "[exports]") {
  samples::check_golden("stalls.speedscope.json",
                        output::speedscope(samples::run().stacks, "python3 (pid 1234)", "aiotrace 0.1.0"));
}

TEST_CASE("golden: a pprof profile", "[exports]") {
  // Not compressed, because another zlib compresses differently.
  samples::check_golden("stalls.pprof", gunzipped(pprof_bytes(samples::run())));
}

TEST_CASE("a browser shows the page: clicks, keys, search, zoom, no console error, no request", "[exports][browser]") {
  samples::check_in_browser(output::html_page(samples::run().report()), "run");
}

TEST_CASE("a browser shows hostile names as what they are", "[exports][browser]") {
  samples::check_in_browser(output::html_page(samples::hostile_run().report()), "hostile run");
}

TEST_CASE("hostile names stay inside the page's data", "[exports]") {
  const auto page = output::html_page(samples::hostile_run().report());
  const auto harmless = output::html_page(samples::run().report());
  const auto scripts = [](const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find("<script"); at != std::string::npos; at = text.find("<script", at + 1)) ++count;
    return count;
  };
  CHECK(scripts(page) == scripts(harmless));
  CHECK(page.size() < harmless.size() + 60'000);
  const auto data = json::parse(data_of(page));
  CHECK_THAT(data["title"].get<std::string>(), ContainsSubstring("</script><script>window.hacked"));
  CHECK_THAT(data["loops"][0]["thread"].get<std::string>(), ContainsSubstring("\ufffd\ufffd"));
}

TEST_CASE("a page of a run that never stalled says so", "[exports][browser]") {
  samples::Run idle;
  idle.summary.stalls = 0;
  idle.summary.cause_ns = {};
  idle.summary.places.clear();
  const auto data = json::parse(data_of(output::html_page(idle.report())));
  CHECK(data["marks"].empty());
  CHECK(data["stalls"] == 0);
}

TEST_CASE("a page has at most a megabyte, and says what it left out", "[exports]") {
  samples::Run busy;
  auto stall = samples::stall();
  for (std::uint64_t i = 0; i < 25'000; ++i) {
    stall.id = 1 + i;
    stall.start_ns += samples::kMs;
    stall.duration_ns = samples::kMs * (50 + i % 977);
    for (auto& segment : stall.segments) {
      segment.stack = model::Stack{};
      for (int depth = 0; depth < 30; ++depth) {
        segment.stack->push_back(samples::python("function_" + std::to_string(i % 7'000) + "_" + std::to_string(depth),
                                                 "/srv/app/some/long/path/module_" + std::to_string(i % 300) + ".py",
                                                 static_cast<std::uint32_t>(depth)));
      }
    }
    busy.add(stall);
  }
  busy.summary.stalls = 25'000;
  const auto page = output::html_page(busy.report());
  CHECK(page.size() <= output::kMaxPageBytes);
  CHECK(page.size() > 300'000);
  const auto data = json::parse(data_of(page));
  const auto notes = data["notes"].dump();
  CHECK_THAT(notes, ContainsSubstring("6,000 longest of 25,000 stalls"));
  CHECK_THAT(notes, ContainsSubstring("Segments and stacks are kept of the"));
  CHECK_THAT(notes, ContainsSubstring("narrowest parts of the flame graph are left out"));
}

TEST_CASE("protoc reads the profile: sums, names, lines", "[exports]") {
  const auto run = samples::run();
  const auto text = decoded(gunzipped(pprof_bytes(run)));
  CHECK_THAT(text, ContainsSubstring("6: \"fetch_sync\""));
  CHECK_THAT(text, ContainsSubstring("6: \"[network]\""));
  CHECK_THAT(text, ContainsSubstring("9: 1793880201123000000"));
  CHECK_THAT(decoded(gunzipped(pprof_bytes(samples::hostile_run()))), ContainsSubstring("window.hacked=1"));
}

TEST_CASE("go tool pprof reads the profile", "[exports]") {
  need_tool("go");
  const TemporaryFile file("p.pb.gz", pprof_bytes(samples::hostile_run()));
  const auto ran = run_command("go tool pprof -top " + file.path());
  INFO(ran.out);
  CHECK(ran.status == 0);
  CHECK_THAT(ran.out, ContainsSubstring("Type: stalled"));
  // 213 + 90 + 213 + 213 ms, as samples has them.
  CHECK_THAT(ran.out, ContainsSubstring("Total samples = 729ms"));
}

TEST_CASE("protoc reads the trace: one slice begins for each that ends, names are whole", "[exports]") {
  const auto text = decoded(output::perfetto_trace(samples::hostile_run().report()));
  const auto count = [&text](const std::string& line) {
    std::size_t found = 0;
    for (auto at = text.find(line); at != std::string::npos; at = text.find(line, at + 1)) ++found;
    return found;
  };
  CHECK(count("    9: 1\n") == count("    9: 2\n"));
  CHECK(count("    9: 1\n") >= 12);
  CHECK_THAT(text, ContainsSubstring("23: \"stall 213 ms: network\""));
  CHECK_THAT(text, ContainsSubstring("23: \"worker (tid 1300)\""));
  CHECK_THAT(text, ContainsSubstring("GIL held by"));
}

TEST_CASE("speedscope files are as its schema says", "[exports]") {
  const auto run = samples::hostile_run();
  const TemporaryFile file("s.speedscope.json", output::speedscope(run.stacks, samples::hostile_name(), "aiotrace"));
  const auto ran = run_command(reader("check_speedscope.py") + file.path() + " " + std::to_string(run.stacks.total()));
  CHECK(ran.out == "");
  CHECK(ran.status == 0);
}
