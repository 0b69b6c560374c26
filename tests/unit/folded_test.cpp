#include "output/trace/folded.h"

#include <random>
#include <sstream>

#include "model/cause.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;
using output::FoldedOutput;

namespace {

std::string written(const FoldedOutput& folded) {
  output::StringSink sink;
  REQUIRE(folded.write(sink).has_value());
  return sink.text();
}

model::Stall stall_of(model::Cause cause, std::uint64_t ns, std::string syscall, std::optional<model::Stack> stack) {
  model::Stall stall;
  stall.duration_ns = ns;
  model::Segment segment;
  segment.cause = cause;
  segment.ns = ns;
  segment.syscall = std::move(syscall);
  segment.stack = std::move(stack);
  stall.segments = {std::move(segment)};
  return stall;
}

std::uint64_t weights_of(const std::string& text) {
  std::istringstream lines(text);
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) sum += std::stoull(line.substr(line.rfind(' ') + 1));
  return sum;
}

}  // namespace

TEST_CASE("a stall as folded stacks", "[output]") {
  FoldedOutput folded;
  folded.add(samples::stall());
  auto unreadable = stall_of(model::Cause::gc, 5'000'000, "", model::Stack{samples::python("f", "", 0)});
  unreadable.segments[0].stack_unreadable = true;
  folded.add(unreadable);
  samples::check_golden("stalls.folded", written(folded));
}

TEST_CASE("root first, cause and system call last, equal lines merged", "[output]") {
  FoldedOutput folded;
  const model::Stack stack{samples::python("fetch", "a.py", 9), samples::python("main", "a.py", 3)};
  folded.add(stall_of(model::Cause::network, 112'600'000, "recvfrom", stack));
  folded.add(stall_of(model::Cause::network, 100'000'000, "recvfrom", stack));
  folded.add(stall_of(model::Cause::python, 1'000'000, "", stack));
  CHECK(written(folded) ==
        "main (a.py:3);fetch (a.py:9);[network];[recvfrom] 212600\n"
        "main (a.py:3);fetch (a.py:9);[python] 1000\n");
}

TEST_CASE("names cannot fool a flame-graph tool", "[output]") {
  CHECK(output::folded_frame(samples::python("a;b", "c;d.py", 1)) == "a:b (c:d.py:1)");
  CHECK(output::folded_frame(samples::python("x\ny\r\x1b[0m", "f\u2028.py", 2)) == "x?y??[0m (f?.py:2)");
  CHECK(output::folded_frame(samples::python("[gc]", "", 0)) == "(gc]");
  CHECK(output::folded_frame(samples::python("", "", 0)) == "?");
  CHECK(output::folded_frame(samples::python("名", "é.py", 0)) == "名 (é.py)");
  CHECK(output::folded_frame(samples::python("\xff", "", 0)) == "\ufffd");
  FoldedOutput folded;
  folded.add(stall_of(model::Cause::other, 3'000, "a;b\n", std::nullopt));
  CHECK(written(folded) == "[no stack];[other];[a:b?] 3\n");
}

TEST_CASE("weights add up to the stalled time, however small the parts", "[output]") {
  std::mt19937_64 random(7);
  FoldedOutput folded;
  std::uint64_t total = 0;
  for (int i = 0; i < 5'000; ++i) {
    const auto ns = random() % 3'000;
    total += ns;
    folded.add(stall_of(static_cast<model::Cause>(random() % model::kCauses), ns, "",
                        model::Stack{samples::python("f" + std::to_string(random() % 900), "a.py", 1)}));
  }
  CHECK(weights_of(written(folded)) == total / 1'000);
  CHECK(written(FoldedOutput{}).empty());
}

TEST_CASE("stacks beyond the bound are added up", "[output]") {
  FoldedOutput folded;
  for (std::size_t i = 0; i < FoldedOutput::kMaxLines + 500; ++i) {
    const auto line = 1 + static_cast<std::uint32_t>(i);
    folded.add(stall_of(model::Cause::file, 1'000, "", model::Stack{samples::python("f", "a.py", line)}));
  }
  const auto text = written(folded);
  CHECK(text.find("[other stacks];[file] 500\n") != std::string::npos);
  CHECK(weights_of(text) == FoldedOutput::kMaxLines + 500);
}
