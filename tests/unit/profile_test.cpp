#include "model/profile.h"

#include "output/text/profile.h"
#include "output/trace/folded.h"
#include "tests/catch.h"

namespace aiotrace {
namespace {

using model::Cause;
using model::Frame;
using model::ProfileRow;
using Kind = model::ProfileRow::Kind;

class Rows {
 public:
  model::StackRef stack(const std::vector<std::string>& innermost_first) {
    model::Stack frames;
    std::uint32_t line = 0;
    for (const auto& function : innermost_first)
      frames.push_back({.kind = Frame::Kind::python, .function = function, .file = "app.py", .line = ++line});
    store_.add(1, ++id_, std::move(frames));
    return store_.find(1, id_);
  }

  ProfileRow row(Kind kind, Cause cause, std::uint64_t ns, const std::vector<std::string>& innermost_first) {
    ProfileRow row;
    row.kind = kind;
    row.pid = 1;
    row.tid = 2;
    row.thread = "MainThread";
    row.cause = cause;
    row.ns = ns;
    row.count = 1;
    row.max_ns = kind == Kind::wait ? ns : 0;
    if (!innermost_first.empty()) row.stack = stack(innermost_first);
    return row;
  }

 private:
  model::StackStore store_;
  std::uint64_t id_ = 0;
};

TEST_CASE("a profile adds up rows that have everything but their length in common") {
  Rows make;
  model::Profile profile;
  profile.add(make.row(Kind::wait, Cause::sleep, 100, {"f", "main"}));
  profile.add(make.row(Kind::wait, Cause::sleep, 300, {"f", "main"}));
  profile.add(make.row(Kind::wait, Cause::file, 50, {"f", "main"}));
  auto held = make.row(Kind::wait, Cause::sleep, 7, {"f", "main"});
  held.holds_gil = true;
  profile.add(held);
  const auto rows = profile.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].ns == 400);
  CHECK(rows[0].count == 2);
  CHECK(rows[0].max_ns == 300);
  CHECK(rows[1].cause == Cause::file);
  CHECK(rows[2].holds_gil);
}

TEST_CASE("rows beyond the bound lose their stacks and nothing of their time") {
  Rows make;
  model::Profile profile(2);
  for (int i = 0; i < 10; i++) profile.add(make.row(Kind::wait, Cause::sleep, 10, {"f" + std::to_string(i)}));
  std::uint64_t all_ns = 0;
  for (const auto& row : profile.rows()) all_ns += row.ns;
  CHECK(all_ns == 100);
  CHECK(profile.rows().size() == 3);
  CHECK(profile.over() == 8);
}

TEST_CASE("samples stand for the CPU time of their thread") {
  Rows make;
  model::Profile profile;
  for (int i = 0; i < 3; i++) profile.add(make.row(Kind::sample, Cause::python, 10, {"f"}));
  profile.add(make.row(Kind::sample, Cause::python, 10, {"g"}));
  profile.set_cpu_time(1, 2, "MainThread", 8000, 4);
  profile.set_cpu_time(1, 3, "other", 500, 0);
  const auto rows = profile.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].ns == 6000);
  CHECK(rows[1].ns == 2000);
  CHECK(rows[2].ns == 500);
  CHECK(rows[2].tid == 3);
  CHECK_FALSE(rows[2].stack);
}

TEST_CASE("a function's own time and that with what it called") {
  Rows make;
  auto native = make.row(Kind::sample, Cause::native, 50, {"compress", "main"});
  native.culprit = model::NativeFunction{.library = "libz.so.1", .function = "deflate"};
  const auto functions = model::functions_of({make.row(Kind::sample, Cause::python, 100, {"f", "f", "main"}),
                                              make.row(Kind::sample, Cause::python, 30, {"main"}), native});
  REQUIRE(functions.size() == 4);
  CHECK(functions[0].frame.function == "f");
  CHECK(functions[0].self_ns == 100);
  CHECK(functions[0].total_ns == 100);
  CHECK(functions[1].frame.function == "deflate");
  CHECK(functions[1].self_ns == 50);
  CHECK(functions[2].frame.function == "main");
  CHECK(functions[2].self_ns == 30);
  CHECK(functions[2].total_ns == 180);
  CHECK(functions[2].error_ns == 0);
  CHECK(functions[3].frame.function == "compress");
  CHECK(functions[3].self_ns == 0);
  // Of three samples a share of 100 in 180: two standard deviations.
  CHECK(functions[0].error_ns == 103);
}

TEST_CASE("a profile as folded stacks: names cannot make lines or frames") {
  Rows make;
  auto waits = make.row(Kind::wait, Cause::network, 5'000'000, {"recv;all\n", "[main]"});
  waits.syscall = "recvfrom";
  waits.thread = "a;b";
  auto idle = make.row(Kind::idle, Cause::other, 1'000'000, {});
  auto shorter = make.row(Kind::shorter, Cause::lock, 2'000'000, {});
  model::WeightedStacks stacks("time", "times", model::WeightedStacks::Unit::nanoseconds);
  model::add_profile(stacks, {waits, shorter, idle}, model::ProfileBy::thread, false);
  output::StringSink sink;
  REQUIRE(output::write_folded(stacks, sink));
  CHECK(sink.text() ==
        "[a:b];(main] (app.py:2);recv:all? (app.py:1);[network];[recvfrom] 5000\n"
        "[MainThread];[shorter waits];[lock] 2000\n"
        "[MainThread];[idle] 1000\n");
}

TEST_CASE("a profile as text") {
  Rows make;
  model::ProfileReport report;
  report.head.mode = model::ProfileMode::wall;
  report.head.frequency_hz = 99;
  report.elapsed_ns = 2'000'000'000;
  report.samples = 50;
  report.threads.push_back({.pid = 1, .tid = 2, .thread = "MainThread"});
  auto waits = make.row(Kind::wait, Cause::sleep, 900'000'000, {"nap", "main"});
  waits.syscall = "clock_nanosleep";
  report.rows = {waits, make.row(Kind::sample, Cause::python, 600'000'000, {"crunch\x1b[2J", "main"}),
                 make.row(Kind::idle, Cause::other, 500'000'000, {})};
  const auto lines = output::profile_text(report, 10, {});
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  INFO(text);
  CHECK(lines[0] == "Profile (wall) of 1 thread in 1 process for 2.00 s");
  CHECK(text.find("sleep 900 ms (45.0 %)   python 600 ms (30.0 %)   idle 500 ms (25.0 %)") != std::string::npos);
  CHECK(text.find("crunch\\x1b[2J  app.py:1") != std::string::npos);
  CHECK(text.find("sleep clock_nanosleep  in nap  app.py:1") != std::string::npos);
  CHECK(text.find("Lost") == std::string::npos);
}

}  // namespace
}  // namespace aiotrace
