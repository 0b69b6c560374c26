#include "output/text/stall.h"

#include <algorithm>

#include "output/text/stall_feed.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"
#include "util/text.h"

using namespace aiotrace;
using output::stall_lines;
using output::StallFeed;

namespace {

using Lines = std::vector<std::string>;

output::OutputContext utc_context() {
  auto context = samples::context();
  context.utc_offset_s = 0;
  return context;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

bool contains(const Lines& lines, const std::string& text) { return joined(lines).find(text) != std::string::npos; }

model::Frame package(const std::string& name, const std::string& function) {
  return samples::python(function, "/v/lib/python3.11/site-packages/" + name + "/a.py", 7);
}

/// As a FastAPI handler has it: library frames inside and outside of the program's own.
model::Stack web_stack() {
  model::Stack stack{samples::python("SocketIO.readinto", "/usr/lib/python3.11/socket.py", 706),
                     package("requests", "get"), package("requests", "send"),
                     samples::python("fetch_rates", "app/rates.py", 65),
                     samples::python("handle_rates", "app/main.py", 20)};
  for (int i = 0; i < 8; ++i) stack.push_back(package("fastapi", "app"));
  for (int i = 0; i < 6; ++i) stack.push_back(package("starlette", "__call__"));
  stack.push_back(samples::python("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80));
  stack.push_back(samples::python("<module>", "app/main.py", 3));
  return stack;
}

/// Each part: a cause, its time and a stack.
model::Stall stall_of(std::vector<std::tuple<model::Cause, std::uint64_t, model::Stack>> parts) {
  auto stall = samples::stall();
  stall.cause_ns = {};
  stall.segments.clear();
  stall.duration_ns = 0;
  for (auto& [cause, ms, stack] : parts) {
    model::Segment segment;
    segment.cause = cause;
    segment.ns = ms * samples::kMs;
    if (!stack.empty()) segment.stack = std::move(stack);
    stall.cause_ns[model::index(cause)] += segment.ns;
    stall.duration_ns += segment.ns;
    stall.segments.push_back(std::move(segment));
  }
  return stall;
}

model::Stall at(model::Stall stall, std::uint64_t id, std::uint64_t start_ms, std::uint64_t ms) {
  stall.id = id;
  stall.start_ns = 1'000'000 * samples::kMs + start_ms * samples::kMs;
  stall.duration_ns = ms * samples::kMs;
  return stall;
}

}  // namespace

TEST_CASE("the program's own frames come first, all others are one line", "[output][stall-text]") {
  const auto lines = stall_lines(stall_of({{model::Cause::network, 100, web_stack()}}), utc_context());
  CHECK(joined({lines.begin() + 1, lines.end()}) ==
        "   network 100.0 ms\n"
        "     fetch_rates           app/rates.py:65\n"
        "     handle_rates          app/main.py:20\n"
        "     … 3 inner frames of socket, requests; 14 outer of fastapi, starlette\n");
}

TEST_CASE("a stack without frames of the program shows those of packages, else those of the library",
          "[output][stall-text]") {
  model::Stack packages{samples::python("select", "/usr/lib/python3.11/selectors.py", 4), package("uvicorn", "parse"),
                        samples::python("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80)};
  auto lines = stall_lines(stall_of({{model::Cause::python, 100, packages}}), utc_context());
  CHECK(joined({lines.begin() + 2, lines.end()}) ==
        "     parse                 /v/lib/python3.11/site-packages/uvicorn/a.py:7\n"
        "     … 1 inner frame of selectors\n");
  const model::Stack library{samples::python("loads", "/usr/lib/python3.11/json/__init__.py", 4)};
  lines = stall_lines(stall_of({{model::Cause::python, 100, library}}), utc_context());
  CHECK(joined({lines.begin() + 2, lines.end()}) ==
        "     loads                 /usr/lib/python3.11/json/__init__.py:4\n");
}

TEST_CASE("a stall has at most twelve lines of 80 columns, each stack once", "[output][stall-text]") {
  model::Stack deep;
  for (std::uint32_t i = 1; i <= 200; ++i) deep.push_back(samples::python("f" + std::to_string(i), "a.py", i));
  auto other = web_stack();
  other[3].function = "other_handler";
  auto stall = stall_of({{model::Cause::gil, 60, deep},
                         {model::Cause::python, 50, web_stack()},
                         {model::Cause::kernel, 40, web_stack()},
                         {model::Cause::native, 30, other},
                         {model::Cause::cpu_wait, 20, {}}});
  stall.segments[0].culprit = model::GilHolder{.tid = 77, .thread = std::string(100, 'w'), .stack = deep};
  stall.at_least = stall.start_known = true;
  stall.losses = 3;
  stall.callbacks = {.count = 1'000'000, .longest_ns = 5};
  for (std::uint32_t i = 0; i < 40; ++i)
    stall.other_threads.push_back(
        {.tid = i, .thread = std::string(40, 't'), .stack = {samples::python("run", "b.py", i / 2)}});
  stall.segments[0].stack_too_deep = stall.segments[0].stack_unreadable = true;
  auto context = utc_context();
  for (const std::size_t columns : {80, 100, 200}) {
    context.columns = columns;
    const auto lines = stall_lines(stall, context);
    INFO(joined(lines));
    CHECK(lines.size() <= output::kStallLines);
    for (const auto& line : lines) CHECK(display_width(line) <= columns);
    CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.contains("fetch_rates"); }) == 1);
    CHECK(contains(lines, "3 records of this stall were lost"));
    CHECK(contains(lines, "meanwhile the thread that held the GIL ran\n       f1 "));
  }
  context.verbose = true;
  const auto lines = stall_lines(stall, context);
  CHECK(contains(lines, "f200 "));
  CHECK(contains(lines, "other_handler"));
  CHECK(contains(lines, "meanwhile thread 39 "));
}

TEST_CASE("a very deep recursion shows its innermost frames and where it was entered", "[output][stall-text]") {
  model::Stack deep;
  for (std::uint32_t i = 1; i <= 200; ++i) deep.push_back(samples::python("f" + std::to_string(i), "a.py", i));
  auto stall = stall_of({{model::Cause::python, 100, deep}});
  stall.segments[0].stack_too_deep = true;
  auto context = utc_context();
  auto lines = stall_lines(stall, context);
  CHECK(lines.size() == output::kStallLines);
  CHECK(contains(lines, "f8 "));
  CHECK_FALSE(contains(lines, "f9 "));
  CHECK(contains(lines, "f200 "));
  CHECK(contains(lines, "… 191 more frames\n"));
  context.verbose = true;
  lines = stall_lines(stall, context);
  CHECK(contains(lines, "f100 "));
  CHECK_FALSE(contains(lines, "more frames"));
  CHECK(contains(lines, "outermost frames are missing"));
}

TEST_CASE("causes are one line, largest first, cut to the terminal", "[output][stall-text]") {
  auto stall = samples::stall();
  auto context = utc_context();
  CHECK(stall_lines(stall, context).at(1) ==
        "   network 212.6 ms  recvfrom → tcp 10.0.0.5:443   python 0.3 ms   cpu-wait 0.1 ms");
  context.columns = 60;
  CHECK(stall_lines(stall, context).at(1) == "   network 212.6 ms  recvfrom → tcp 10.0.0.5:443");
  std::get<model::SocketEnds>(*stall.segments[0].culprit).peer = std::string(300, 'p');
  CHECK(display_width(stall_lines(stall, context).at(1)) == 60);
}

TEST_CASE("parts of a stall that look the same are one, and each says its time", "[output][stall-text]") {
  std::vector<std::tuple<model::Cause, std::uint64_t, model::Stack>> parts;
  for (std::uint32_t line = 1; line <= 10; ++line)
    parts.emplace_back(model::Cause::python, line == 1 ? 48 : 5,
                       model::Stack{samples::python("crunch", "app/sort.py", line)});
  parts.emplace_back(model::Cause::sleep, 120, model::Stack{});
  const auto lines = stall_lines(stall_of(parts), utc_context());
  CHECK(joined({lines.begin() + 1, lines.end()}) ==
        "   sleep 120.0 ms   python 93.0 ms\n"
        "   in python 93.0 ms\n"
        "     crunch                app/sort.py:1\n");
}

TEST_CASE("a stall that goes on, one seen from the middle, one with losses", "[output][stall-text]") {
  const auto context = utc_context();
  auto stall = samples::stall();
  stall.ongoing = true;
  CHECK(contains(stall_lines(stall, context), "ERROR  213 ms, still running  pid 1234 MainThread"));
  stall.ongoing = false;
  stall.at_least = true;
  stall.error = false;
  stall.losses = 3;
  stall.task.reset();
  const auto lines = stall_lines(stall, context);
  CHECK(contains(lines, "STALL  ≥ 213 ms  pid 1234 MainThread  no task"));
  CHECK(contains(lines, "3 records of this stall were lost"));
  stall.start_known = true;
  CHECK(contains(stall_lines(stall, context), "STALL  213 ms  pid 1234 MainThread  no task"));
  CHECK(contains(stall_lines(stall, context), "began before aiotrace was attached"));
}

TEST_CASE("native frames stand among Python's, but the interpreter's between them only when verbose",
          "[output][stall-text]") {
  const auto native = [](const char* function, const char* library) {
    return model::Frame{model::Frame::Kind::native, function, library, 0};
  };
  auto stall = samples::stall();
  stall.segments.resize(1);
  stall.segments[0].stack = {native("clock_nanosleep", "libc.so.6"),
                             native("time_sleep", "python3.11"),
                             samples::python("inside", "a.py", 3),
                             native("_PyObject_Call", "libpython3.11.so.1.0"),
                             native("", "libffi.so.8"),
                             native("", "libffi.so.8"),
                             native("ffi_call", "libffi.so.8"),
                             native("void outer<std::vector<int, std::allocator<int>>, std::string>(std::string, int)",
                                    "libx.so"),
                             samples::python("outside", "a.py", 9),
                             native("main", "python3.11")};
  auto context = utc_context();
  auto lines = stall_lines(stall, context);
  CHECK(contains(lines, "time_sleep "));
  CHECK(contains(lines, "ffi_call "));
  const auto nameless = [](const std::string& line) { return line.starts_with("     ? "); };
  CHECK(std::ranges::count_if(lines, nameless) == 1);
  CHECK(contains(lines, "void outer<"));  // a C++ name is known by its beginning
  CHECK_FALSE(contains(lines, "_PyObject_Call"));
  CHECK_FALSE(contains(lines, "main "));
  context.verbose = true;
  lines = stall_lines(stall, context);
  CHECK(contains(lines, "_PyObject_Call "));
  CHECK(contains(lines, "main "));
  CHECK(std::ranges::count_if(lines, nameless) == 2);
}

TEST_CASE("who held the GIL, and what it ran", "[output][stall-text]") {
  auto stall = stall_of({{model::Cause::gil, 212, {samples::python("handle", "app/a.py", 3)}}});
  auto& segment = stall.segments[0];
  segment.syscall = "futex";
  segment.culprit = model::GilHolder{.tid = 77,
                                     .thread = "worker-1",
                                     .stack = {samples::python("sub", "/usr/lib/python3.11/re/__init__.py", 1),
                                               samples::python("regex", "w.py", 5)}};
  const auto lines = stall_lines(stall, utc_context());
  CHECK(joined({lines.begin() + 1, lines.end()}) ==
        "   gil 212.0 ms  futex held by worker-1 (thread 77)\n"
        "     handle                app/a.py:3\n"
        "     meanwhile the thread that held the GIL ran\n"
        "       regex                 w.py:5\n"
        "       … 1 inner frame of re\n");
}

TEST_CASE("threads that stand at the same place are one line", "[output][stall-text]") {
  auto stall = stall_of({{model::Cause::lock, 212, {samples::python("handle", "app/a.py", 3)}}});
  for (std::uint32_t tid = 1; tid <= 30; ++tid)
    stall.other_threads.push_back({.tid = tid, .thread = "pool", .stack = {samples::python("work", "b.py", 4)}});
  stall.other_threads.push_back({.tid = 31, .thread = "holder", .stack = {samples::python("keep", "c.py", 8)}});
  const auto lines = stall_lines(stall, utc_context());
  CHECK(contains(lines, "   meanwhile 30 threads in work  b.py:4\n   meanwhile thread 31 (holder) in keep  c.py:8\n"));
}

TEST_CASE("a stall like one before is one line", "[output][stall-text]") {
  const auto sample = samples::stall();
  const auto context = utc_context();
  StallFeed feed;
  CHECK(feed.add(at(sample, 1, 0, 210), context).size() > 2);
  CHECK(joined(feed.add(at(sample, 2, 300, 250), context)) ==
        "12:03:22.423  ERROR  250 ms  again: network in fetch_sync  app/handlers.py:42\n");
  CHECK(joined(feed.add(at(sample, 3, 9000, 220), context)) ==
        "12:03:31.123  ERROR  220 ms  again: network in fetch_sync  app/handlers.py:42\n");
  CHECK(feed.finish(context).empty());
  SECTION("another loop, level, cause or line is another stall") {
    for (int i = 0; i < 4; ++i) {
      auto stall = at(sample, 7, 9400, 205);
      if (i == 0) stall.tid = 99;
      if (i == 1) stall.error = false;
      if (i == 2) stall.segments[0].stack->front().line = 43;
      if (i == 3) std::swap(stall.cause_ns[model::index(model::Cause::network)], stall.cause_ns[0]);
      INFO(i);
      CHECK(feed.add(stall, context).size() > 2);
    }
  }
  SECTION("the process is named once there are several") {
    auto other = at(sample, 7, 9400, 205);
    other.pid = 99;
    CHECK(feed.add(other, context).size() > 2);
    CHECK(joined(feed.add(at(sample, 8, 9700, 205), context)) ==
          "12:03:31.823  ERROR  205 ms  pid 1234  again: network in fetch_sync  app/handlers.py:42\n");
  }
  SECTION("verbose shows each in full") {
    auto verbose = context;
    verbose.verbose = true;
    CHECK(feed.add(at(sample, 7, 9400, 205), verbose).size() > 2);
  }
}

TEST_CASE("of many equal stalls one line a second stands for all", "[output][stall-text]") {
  const auto sample = samples::stall();
  const auto context = utc_context();
  StallFeed feed;
  std::size_t lines = 0;
  std::uint64_t counted = 0;
  const auto count = [&](const Lines& more) {
    for (const auto& line : more) {
      ++lines;
      if (!line.contains("again: ")) continue;
      const auto at = line.find(" more, up to 60.0 ms");
      counted += at == std::string::npos ? 1 : std::stoull(line.substr(line.rfind(' ', at - 1)));
    }
  };
  // 20 a second, for ten seconds.
  const auto full = feed.add(at(sample, 1, 0, 50), context);
  for (std::uint64_t i = 1; i < 200; ++i) count(feed.add(at(sample, i + 1, i * 50, i % 2 == 0 ? 50 : 60), context));
  count(feed.finish(context));
  CHECK(counted == 199);
  CHECK(lines <= 16);
  CHECK(feed.finish(context).empty());
}

TEST_CASE("a repeated stall fits into 80 columns", "[output][stall-text]") {
  auto context = utc_context();
  context.columns = 80;
  auto sample = samples::stall();
  sample.segments[0].stack->front().function = "Service.<locals>.a_function_with_a_long_name";
  sample.segments[0].stack->front().file = "/srv/app/releases/2026-11-05/lib/reports/monthly.py";
  StallFeed feed;
  CHECK_FALSE(feed.add(at(sample, 1, 0, 210), context).empty());
  const auto lines = feed.add(at(sample, 2, 5000, 250), context);
  REQUIRE(lines.size() == 1);
  INFO(lines[0]);
  CHECK(display_width(lines[0]) <= 80);
  CHECK(contains(lines, "again: network in …"));
  CHECK(contains(lines, ".py:42"));
}

TEST_CASE("a stall that goes on is one line each time, and short at its end if nothing changed",
          "[output][stall-text]") {
  const auto context = utc_context();
  const auto ongoing = [](std::uint64_t ms) {
    auto stall = at(samples::stall(), 1, 0, ms);
    stall.ongoing = true;
    return stall;
  };
  StallFeed feed;
  const auto first = feed.add(ongoing(210), context);
  CHECK(first.size() > 2);
  CHECK(first[0].contains("210 ms, still running"));
  CHECK(joined(feed.add(ongoing(420), context)) ==
        "12:03:22.123  ERROR  420 ms, still running  network in fetch_sync  app/handlers.py:42\n");
  SECTION("it ends where it was") {
    const auto end = feed.add(at(samples::stall(), 1, 0, 500), context);
    CHECK(joined(end) == "12:03:22.123  ERROR  500 ms  ended: network in fetch_sync  app/handlers.py:42\n");
    CHECK(feed.add(at(samples::stall(), 2, 5000, 500), context).size() == 1);
    auto next = ongoing(220);
    next.id = 3;
    CHECK(joined(feed.add(next, context)) ==
          "12:03:22.123  ERROR  220 ms, still running  again: network in fetch_sync  app/handlers.py:42\n");
  }
  SECTION("it ends elsewhere") {
    auto end = at(samples::stall(), 1, 0, 500);
    end.segments[0].stack->front().line = 50;
    CHECK(feed.add(end, context).size() > 2);
  }
}

TEST_CASE("a feed of ever new stalls stays bounded", "[output][stall-text]") {
  const auto context = utc_context();
  auto stall = samples::stall();
  StallFeed feed;
  for (std::uint32_t i = 0; i <= 2 * StallFeed::kMaxKinds; ++i) {
    stall.tid = i;
    CHECK(feed.add(stall, context).size() > 2);
  }
}
