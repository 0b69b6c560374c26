#include "output/text.h"

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "tests/catch.h"
#include "tests/unit/output_samples.h"
#include "util/text.h"

using namespace aiotrace;
using output::stall_lines;
using output::summary_lines;

namespace {

// Local time is shown: the golden files are in UTC.
output::OutputContext utc_context() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  return samples::context();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

bool contains(const std::vector<std::string>& lines, const std::string& text) {
  return joined(lines).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("a run as text", "[output]") {
  output::StringSink sink;
  output::TextOutput text(sink, utc_context());
  REQUIRE(text.watching(samples::watching()).has_value());
  REQUIRE(text.stall(samples::stall()).has_value());
  REQUIRE(text.summary(samples::summary()).has_value());
  samples::check_golden("run.txt", sink.text());
}

TEST_CASE("no line of the text is wider than the terminal", "[output]") {
  for (const std::size_t columns : {100, 120, 200}) {
    auto context = utc_context();
    context.columns = columns;
    auto stall = samples::stall();
    stall.task->name = std::string(300, 'n');
    stall.thread = std::string(200, 't');
    stall.segments[0].culprit->peer = std::string(300, 'p');
    stall.segments[0].stack->front().file = "/srv/" + std::string(300, 'f') + "/a.py";
    stall.segments[0].stack->front().function = std::string(300, 'g');
    auto summary = samples::summary();
    summary.places[0].function = std::string(300, 'n');
    summary.places[0].syscall = std::string(300, 's');
    summary.loops[0].thread = std::string(300, 't');
    auto lines = stall_lines(stall, context);
    const auto more = summary_lines(summary, context);
    lines.insert(lines.end(), more.begin(), more.end());
    for (const auto& line : lines) {
      INFO(line);
      CHECK(display_width(line) <= columns);
    }
  }
}

TEST_CASE("colour only where asked for, and the same text below it", "[output]") {
  auto context = utc_context();
  auto all = stall_lines(samples::stall(), context);
  const auto plain = joined(all) + joined(summary_lines(samples::summary(), context));
  CHECK(plain.find('\x1b') == std::string::npos);
  context.color = true;
  auto colored = joined(stall_lines(samples::stall(), context)) + joined(summary_lines(samples::summary(), context));
  CHECK(colored.find("\x1b[1;31mERROR\x1b[0m") != std::string::npos);
  for (auto at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
    colored.erase(at, colored.find('m', at) - at + 1);
  }
  CHECK(colored == plain);
}

TEST_CASE("names in text are cleaned", "[output]") {
  auto stall = samples::stall();
  const std::string hostile = "\x1b[2J\n\u202e\u009b";
  stall.thread += hostile;
  stall.task->name = hostile;
  stall.task->coroutine = hostile;
  stall.segments[0].syscall = hostile;
  stall.segments[0].culprit->peer = hostile;
  for (auto& frame : *stall.segments[0].stack) frame.function = frame.file = hostile;
  auto summary = samples::summary();
  summary.loops[0].thread = hostile;
  summary.places[0].function = summary.places[0].file = summary.places[0].syscall = hostile;
  auto watching = samples::watching();
  watching.targets[0].comm = hostile;
  watching.targets[0].python = hostile;
  const auto context = utc_context();
  for (const auto& lines :
       {stall_lines(stall, context), summary_lines(summary, context), output::watching_lines(watching, context)}) {
    for (const auto& line : lines) CHECK(clean_for_terminal(line) == line);
  }
}

TEST_CASE("a stall that goes on, one seen from the middle, one with losses", "[output]") {
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
  CHECK(contains(stall_lines(stall, context), "began before aiotrace came"));
}

TEST_CASE("samples that differ in lines only are one part with one stack", "[output]") {
  auto stall = samples::stall();
  stall.cause_ns = {};
  stall.segments.clear();
  for (std::uint32_t line = 1; line <= 10; ++line) {
    model::Segment segment;
    segment.cause = model::Cause::python;
    segment.ns = (line == 1 ? 48 : 5) * samples::kMs;
    segment.stack = model::Stack{samples::python("crunch", "app/sort.py", line)};
    stall.cause_ns[0] += segment.ns;
    stall.segments.push_back(segment);
  }
  model::Segment sleep;
  sleep.cause = model::Cause::sleep;
  sleep.ns = 120 * samples::kMs;
  sleep.syscall = "clock_nanosleep";
  stall.cause_ns[model::index(sleep.cause)] = sleep.ns;
  stall.segments.push_back(sleep);
  stall.duration_ns = 213 * samples::kMs;
  const auto lines = stall_lines(stall, utc_context());
  CHECK(joined({lines.begin() + 1, lines.end()}) ==
        "   sleep 120.0 ms  clock_nanosleep   python 93.0 ms\n"
        "   in sleep 120.0 ms  clock_nanosleep\n"
        "     (no Python stack)\n"
        "   in python 93.0 ms\n"
        "     crunch                app/sort.py:1\n");
}

TEST_CASE("a very deep stack is shown by its ends, whole when verbose", "[output]") {
  auto stall = samples::stall();
  stall.segments.resize(1);
  stall.segments[0].stack->clear();
  for (std::uint32_t i = 1; i <= 200; ++i) {
    stall.segments[0].stack->push_back(samples::python("f" + std::to_string(i), "a.py", i));
  }
  stall.segments[0].stack_too_deep = true;
  auto context = utc_context();
  auto lines = stall_lines(stall, context);
  CHECK(contains(lines, "f16 "));
  CHECK_FALSE(contains(lines, "f17 "));
  CHECK(contains(lines, "… 178 more frames"));
  CHECK(contains(lines, "f195 "));
  CHECK(contains(lines, "outermost frames are missing"));
  context.verbose = true;
  lines = stall_lines(stall, context);
  CHECK(contains(lines, "f100 "));
  CHECK_FALSE(contains(lines, "more frames"));
}

TEST_CASE("native frames stand among Python's, but the interpreter's between them only when verbose", "[output]") {
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

TEST_CASE("who held the GIL, and what it ran", "[output]") {
  auto stall = samples::stall();
  stall.segments.resize(1);
  auto& segment = stall.segments[0];
  segment.cause = model::Cause::gil;
  segment.syscall = "futex";
  segment.culprit = model::Culprit{};
  segment.culprit->tid = 77;
  segment.culprit->thread = "worker-1";
  segment.culprit->stack = {samples::python("regex", "w.py", 5)};
  stall.cause_ns = {};
  stall.cause_ns[model::index(model::Cause::gil)] = segment.ns;
  const auto lines = stall_lines(stall, utc_context());
  CHECK(contains(lines, "gil 212.6 ms  futex held by worker-1 (thread 77)"));
  CHECK(contains(lines, "       regex                 w.py:5"));
}

TEST_CASE("a run without stalls", "[output]") {
  model::Summary summary;
  summary.elapsed_ns = 10'000 * samples::kMs;
  summary.warn_ns = 50 * samples::kMs;
  const auto lines = summary_lines(summary, utc_context());
  CHECK(lines.at(1) == "Watched 0 loops for 10.0 s: no stall of 50.0 ms or more");
  CHECK(contains(lines, "Losses: none\n   ring-full 0   threads-full 0"));
  CHECK(contains(lines, "stack-missing 0"));
  CHECK(contains(lines, "BPF run time not measured; aiotrace itself not measured"));
}

TEST_CASE("advice is one line below its place, cleaned and fitted, and can be left out", "[output]") {
  auto summary = samples::summary();
  summary.places.resize(1);
  auto context = utc_context();
  const auto with = summary_lines(summary, context);
  CHECK(contains(with, "     → requests.get in fetch_sync: use httpx.AsyncClient or aiohttp"));
  context.advice = false;
  const auto without = summary_lines(summary, context);
  CHECK(without.size() + 1 == with.size());
  CHECK_FALSE(contains(without, "httpx"));
  context.advice = true;
  summary.places[0].advice = "\x1b[2J\n" + std::string(200, 'x');
  for (const auto& line : summary_lines(summary, context)) {
    CHECK(clean_for_terminal(line) == line);
    CHECK(display_width(line) <= 100);
  }
  context.columns = 60;
  for (const auto& line : summary_lines(summary, context)) {
    if (line.find("→") != std::string::npos) CHECK(display_width(line) <= 60);
  }
}
