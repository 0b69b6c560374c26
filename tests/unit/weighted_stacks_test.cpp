// The data of the exports: weighted stacks, flame trees, the log of stalls, moments.
#include "model/weighted_stacks.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "model/moments.h"
#include "model/stall_log.h"
#include "output/page/flame_tree.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;
using model::WeightedStacks;

namespace {

std::vector<std::string> names_of(const WeightedStacks& stacks, std::size_t at) {
  std::vector<std::string> names;
  for (const auto frame : stacks.stacks().at(at).frames) names.push_back(stacks.frames().at(frame).function);
  return names;
}

model::StackRef stored(const model::Stack& stack) {
  auto copy = std::make_shared<model::StoredStack>();
  for (const auto& frame : stack) copy->frames.push_back(std::make_shared<const model::Frame>(frame));
  return copy;
}

}  // namespace

TEST_CASE("a stall's stacks: root first, cause and system call last", "[exports]") {
  WeightedStacks stacks("stalled", "segments", WeightedStacks::Unit::nanoseconds);
  add_stall(stacks, samples::stall());
  add_stall(stacks, samples::stall());
  REQUIRE(stacks.stacks().size() == 3);
  CHECK(names_of(stacks, 0) == std::vector<std::string>{"<module>", "BaseEventLoop._run_once", "Handle._run",
                                                        "handle_request", "fetch_sync", "[network]", "[recvfrom]"});
  CHECK(names_of(stacks, 1) == std::vector<std::string>{"[no stack]", "[python]"});
  CHECK(names_of(stacks, 2).front() == "[too deep]");
  CHECK(stacks.stacks()[0].weight == 425'200'000);
  CHECK(stacks.stacks()[0].times == 2);
  CHECK(stacks.total() == 426 * samples::kMs);
}

TEST_CASE("weighted stacks are bounded in number, depth and names, and nothing is lost of the sum", "[exports]") {
  WeightedStacks stacks("time", "samples", WeightedStacks::Unit::count, 100);
  for (int i = 0; i < 1'000; ++i) {
    const std::vector one{model::weighted_frame(samples::python("root", "a.py", 1)),
                          model::weighted_frame(samples::python("f" + std::to_string(i), "a.py", 1))};
    stacks.add(one, 3, 1);
  }
  CHECK(stacks.stacks().size() == 100);
  CHECK(stacks.over() == 901);
  CHECK(stacks.total() == 3'000);
  CHECK(names_of(stacks, 99) == std::vector<std::string>{"[other stacks]"});
  CHECK(stacks.stacks()[99].weight == 2'703);
  CHECK(stacks.frames().size() < 105);

  WeightedStacks deep("time", "samples", WeightedStacks::Unit::count);
  std::vector<model::WeightedFrame> frames;
  for (int i = 0; i < 1'000; ++i)
    frames.push_back(model::weighted_frame(samples::python("f" + std::to_string(i), "", 0)));
  deep.add(frames, 1, 1);
  CHECK(deep.stacks()[0].frames.size() == WeightedStacks::kMaxDepth);
  CHECK(names_of(deep, 0).front() == "[too deep]");
  CHECK(names_of(deep, 0).back() == "f999");

  std::string name = "x";
  for (int i = 0; i < 1'000'000 / 2; ++i) name += "é";
  const auto cut = model::weighted_frame(samples::python(name, "", 0)).function;
  CHECK(cut.size() <= WeightedStacks::kMaxName);
  CHECK(cut.ends_with("é…"));
  CHECK(model::weighted_frame(samples::python("", "", 0)).function == "?");
}

TEST_CASE("a flame tree: parents first, each weighs what its stacks do; the heaviest nodes are kept", "[exports]") {
  std::mt19937_64 random(3);
  WeightedStacks stacks("time", "samples", WeightedStacks::Unit::count);
  for (int i = 0; i < 5'000; ++i) {
    std::vector<model::WeightedFrame> frames;
    for (std::uint64_t depth = 1 + random() % 8; depth > 0; --depth) {
      frames.push_back(model::weighted_frame(samples::python("f" + std::to_string(random() % 5), "", 0)));
    }
    stacks.add(frames, random() % 100, 1);
  }
  for (const std::size_t most : {std::size_t{1'000'000}, std::size_t{500}, std::size_t{1}}) {
    const auto tree = output::flame_tree(stacks, most);
    REQUIRE(!tree.empty());
    CHECK(tree.size() <= most);
    CHECK(tree[0].parent == -1);
    CHECK(tree[0].weight == stacks.total());
    std::vector<std::uint64_t> below(tree.size(), 0);
    for (std::size_t i = 1; i < tree.size(); ++i) {
      REQUIRE(tree[i].parent >= 0);
      REQUIRE(static_cast<std::size_t>(tree[i].parent) < i);
      below[static_cast<std::size_t>(tree[i].parent)] += tree[i].weight;
    }
    for (std::size_t i = 0; i < tree.size(); ++i) CHECK(below[i] <= tree[i].weight);
  }
}

TEST_CASE("the log keeps the longest stalls, the longest of them whole, and counts all", "[exports]") {
  model::StallLog log;
  auto stall = samples::stall();
  constexpr std::size_t kMany = model::StallLog::kMaxStalls + 5'000;
  for (std::size_t i = 0; i < kMany; ++i) {
    stall.id = 1 + i;
    stall.start_ns = 1 + i;
    stall.duration_ns = 1 + (i * 7'919) % kMany;  // each once
    log.add(stall);
  }
  CHECK(log.seen() == kMany);
  const auto all = log.all();
  REQUIRE(all.size() == model::StallLog::kMaxStalls);
  CHECK(std::ranges::is_sorted(all, {}, &model::BriefStall::start_ns));
  CHECK(std::ranges::min(all, {}, &model::BriefStall::duration_ns).duration_ns == 5'001);
  CHECK(all[0].cause == model::Cause::network);
  const auto detailed = log.detailed();
  REQUIRE(detailed.size() == model::StallLog::kMaxDetailed);
  CHECK(detailed.front().duration_ns == kMany);
  CHECK(detailed.back().duration_ns == kMany - model::StallLog::kMaxDetailed + 1);
}

TEST_CASE("moments: samples of a function are one stretch, waits are exact, all in order", "[exports]") {
  constexpr auto kMs = samples::kMs;
  const auto stack = stored(samples::handler_stack());
  auto later = samples::handler_stack();
  later[0].line = 43;
  model::Moments moments;
  moments.add_sample(10 * kMs, kMs, model::Cause::python, "", stack);
  moments.add_sample(11 * kMs, kMs, model::Cause::python, "", stored(later));
  moments.add_wait(11 * kMs + 500'000, 7 * kMs, model::Cause::network, "recvfrom", stack, model::Culprit{});
  moments.add_wait(18 * kMs + 500'000, 0, model::Cause::cpu_wait, "", stack, std::nullopt);
  moments.add_sample(19 * kMs, kMs, model::Cause::gc, "", stack);
  moments.add_sample(40 * kMs, kMs, model::Cause::gc, "", stack);
  const auto& all = moments.all();
  REQUIRE(all.size() == 4);
  CHECK(all[0].start_ns == 9 * kMs);
  CHECK(all[0].ns == 2'500'000);  // up to the wait
  CHECK(all[0].frame->function == "fetch_sync");
  CHECK(all[1].start_ns == 11'500'000);
  CHECK(all[1].ns == 7 * kMs);
  CHECK(all[1].culprit != nullptr);
  CHECK(all[2].start_ns == 18'500'000);
  CHECK(all[2].ns == 500'000);
  CHECK(all[3].start_ns == 39 * kMs);
  for (std::uint64_t i = 0; i < 1'000; ++i)
    moments.add_wait((50 + 2 * i) * kMs, kMs, model::Cause::sleep, "", nullptr, std::nullopt);
  CHECK(moments.all().size() == model::Moments::kMax);
}
