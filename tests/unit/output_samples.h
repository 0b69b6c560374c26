// One stall and one summary that every format's golden file shows.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "model/cause.h"
#include "model/stall.h"
#include "model/summary.h"
#include "output/context.h"
#include "tests/catch.h"

namespace aiotrace::samples {

inline constexpr std::uint64_t kMs = 1'000'000;

/// 2026-11-05T12:03:22.123Z is 1,000 s on the monotonic clock.
inline output::OutputContext context() {
  output::OutputContext context;
  context.realtime_minus_monotonic_ns = (1'793'880'202'123 - 1'000'000) * static_cast<std::int64_t>(kMs);
  return context;
}

inline model::Frame python(std::string function, std::string file, std::uint32_t line) {
  return {model::Frame::Kind::python, std::move(function), std::move(file), line};
}

inline model::Stack handler_stack() {
  return {python("fetch_sync", "app/handlers.py", 42), python("handle_request", "app/handlers.py", 17),
          python("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
          python("BaseEventLoop._run_once", "/usr/lib/python3.11/asyncio/base_events.py", 1922),
          python("<module>", "app/main.py", 3)};
}

inline model::Stall stall() {
  model::Stall stall;
  stall.id = 7;
  stall.start_ns = 1'000'000 * kMs;
  stall.duration_ns = 213 * kMs;
  stall.error = true;
  stall.pid = 1234;
  stall.tid = 1234;
  stall.thread = "MainThread";
  stall.loop_kind = model::LoopKind::asyncio;
  stall.epfd = 5;
  stall.task = model::Task{"fetch-17", "handle_request", "app/handlers.py", 15};
  const model::SocketEnds peer{.protocol = "tcp", .local = "10.0.0.1:51034", .peer = "10.0.0.5:443", .dns = false};
  model::Segment network;
  network.cause = model::Cause::network;
  network.ns = 212'600'000;
  network.count = 1;
  network.syscall = "recvfrom";
  network.culprit = peer;
  network.stack = handler_stack();
  model::Segment on_cpu;
  on_cpu.cause = model::Cause::python;
  on_cpu.ns = 300'000;
  model::Segment waiting;
  waiting.cause = model::Cause::cpu_wait;
  waiting.ns = 100'000;
  waiting.count = 1;
  waiting.stack = handler_stack();
  waiting.stack_too_deep = true;
  stall.segments = {network, on_cpu, waiting};
  for (const auto& segment : stall.segments) stall.cause_ns[model::index(segment.cause)] += segment.ns;
  return stall;
}

inline model::Watching watching() {
  return {.time_ns = 999'000 * kMs,
          .version = "0.1.0",
          .kernel = "6.18.5",
          .warn_ns = 50 * kMs,
          .error_ns = 200 * kMs,
          .targets = {{.pid = 1234, .comm = "python3", .python = "3.11.2", .loops = 1},
                      {.pid = 77, .comm = "node", .python = std::nullopt, .loops = 0}}};
}

inline model::Summary summary() {
  model::Summary summary;
  summary.time_ns = 1'029'000 * kMs;
  summary.elapsed_ns = 30'000 * kMs;
  summary.warn_ns = 50 * kMs;
  summary.error_ns = 200 * kMs;
  summary.stalls = 12;
  summary.errors = 3;
  summary.loops = {{.pid = 1234,
                    .tid = 1240,
                    .thread = "loop-1",
                    .kind = model::LoopKind::uvloop,
                    .iterations = 5,
                    .busy_ns = 200'000,
                    .p50_ns = 800,
                    .p99_ns = 150'000,
                    .max_ns = 150'000,
                    .stalls = 0},
                   {.pid = 1234,
                    .tid = 1234,
                    .thread = "MainThread",
                    .kind = model::LoopKind::asyncio,
                    .iterations = 182'331,
                    .busy_ns = 12'960 * kMs,
                    .p50_ns = 112'000,
                    .p99_ns = 3'400'000,
                    .max_ns = 1'230 * kMs,
                    .stalls = 12}};
  summary.cause_ns[model::index(model::Cause::network)] = 1'200 * kMs;
  summary.cause_ns[model::index(model::Cause::python)] = 640 * kMs;
  summary.places = {{.cause = model::Cause::network,
                     .syscall = "recvfrom",
                     .function = "fetch_sync",
                     .file = "app/handlers.py",
                     .line = 42,
                     .coroutine = "handle_request",
                     .advice = "requests.get in fetch_sync: use httpx.AsyncClient or aiohttp",
                     .others = false,
                     .ns = 1'200 * kMs,
                     .stalls = 10,
                     .max_ns = 213 * kMs},
                    {.cause = model::Cause::python,
                     .syscall = "",
                     .function = "Report.<locals>.build_everything_at_once",
                     .file = "/srv/app/releases/2026-11-05/lib/reports/monthly.py",
                     .line = 1203,
                     .coroutine = "",
                     .advice = "split the work with await asyncio.sleep(0) between, or use a process",
                     .others = false,
                     .ns = 600 * kMs,
                     .stalls = 2,
                     .max_ns = 350 * kMs},
                    {.cause = model::Cause::python,
                     .syscall = "",
                     .function = "",
                     .file = "",
                     .line = 0,
                     .coroutine = "",
                     .advice = "",
                     .others = true,
                     .ns = 40 * kMs,
                     .stalls = 9,
                     .max_ns = 11 * kMs}};
  for (auto& place : summary.places) place.cause_ns.at(static_cast<std::size_t>(place.cause)) = place.ns;
  summary.losses[static_cast<std::size_t>(model::Loss::stack_too_deep)] = 1;
  summary.cost = {
      .bpf_ns = 12'300'000, .runs = 23'123, .measured_ns = std::nullopt, .cpu_ns = 30 * kMs, .rss_bytes = 14'200'000};
  return summary;
}

/// Compares with tests/golden/`name`; AIOTRACE_UPDATE_GOLDEN=1 in the environment writes the file instead.
inline void check_golden(const std::string& name, const std::string& got) {
  const auto path = std::filesystem::path(__FILE__).parent_path().parent_path() / "golden" / name;
  if (const auto* update = std::getenv("AIOTRACE_UPDATE_GOLDEN"); update != nullptr && *update == '1') {
    std::ofstream(path) << got;
  }
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  INFO(path.string());
  CHECK(got == expected.str());
}

}  // namespace aiotrace::samples
