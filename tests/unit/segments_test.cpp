#include "model/segments.h"

#include <numeric>
#include <random>

#include "model/sample_weights.h"
#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

StackRef stack_ref(const std::string& function) {
  StoredStack stack;
  stack.frames.push_back(std::make_shared<const Frame>(Frame{Frame::Kind::python, function, "a.py", 3}));
  return std::make_shared<const StoredStack>(std::move(stack));
}

SegmentKey key(Cause cause, std::string syscall = {}, StackRef stack = nullptr) {
  SegmentKey key;
  key.cause = cause;
  key.syscall = std::move(syscall);
  key.stack = std::move(stack);
  return key;
}

std::uint64_t sum_of(const std::array<std::uint64_t, kCauses>& times) {
  return std::accumulate(times.begin(), times.end(), std::uint64_t{0});
}

ExactTimes exact(std::uint64_t duration_ns) {
  ExactTimes times;
  times.duration_ns = duration_ns;
  return times;
}

}  // namespace

TEST_CASE("on-CPU time is split by samples", "[model]") {
  auto times = exact(100 * kMs);
  times.cause_ns[index(Cause::sleep)] = 70 * kMs;
  times.cause_count[index(Cause::sleep)] = 1;
  const auto f = stack_ref("f");
  Pieces pieces;
  pieces.add(key(Cause::sleep, "clock_nanosleep", f), 70 * kMs, 1);
  for (int i = 0; i < 2; ++i) pieces.add(key(Cause::python, "", f), kFineSampleNs, 1);
  pieces.add(key(Cause::kernel, "read", f), kFineSampleNs, 1);
  const auto split = split_iteration(times, pieces);
  CHECK(split.on_cpu_ns == 30 * kMs);
  CHECK(split.cause_ns[index(Cause::sleep)] == 70 * kMs);
  CHECK(split.cause_ns[index(Cause::python)] == 20 * kMs);
  CHECK(split.cause_ns[index(Cause::kernel)] == 10 * kMs);
  REQUIRE(split.segments.size() == 3);
  CHECK(split.segments[0].cause == Cause::sleep);
  CHECK(split.segments[0].syscall == "clock_nanosleep");
  CHECK(split.segments[0].count == 1);
  CHECK(split.segments[0].stack == f->copy());
  CHECK(split.segments[1].cause == Cause::python);
  CHECK(split.segments[1].count == 2);
  CHECK(split.segments[2].syscall == "read");
}

TEST_CASE("without samples on-CPU time is python, count 0, stack unknown", "[model]") {
  const auto split = split_iteration(exact(5 * kMs), {});
  REQUIRE(split.segments.size() == 1);
  CHECK(split.segments[0].cause == Cause::python);
  CHECK(split.segments[0].ns == 5 * kMs);
  CHECK(split.segments[0].count == 0);
  CHECK_FALSE(split.segments[0].stack.has_value());
}

TEST_CASE("exact time that no piece covers is a segment without a stack", "[model]") {
  auto times = exact(100 * kMs);
  times.cause_ns[index(Cause::network)] = 100 * kMs;
  times.cause_count[index(Cause::network)] = 51;
  Pieces pieces;
  pieces.add(key(Cause::network, "recvfrom", stack_ref("f")), 60 * kMs, 1);
  const auto split = split_iteration(times, pieces);
  REQUIRE(split.segments.size() == 2);
  CHECK(split.segments[0].ns == 60 * kMs);
  CHECK(split.segments[1].ns == 40 * kMs);
  CHECK(split.segments[1].count == 50);
  CHECK(split.segments[1].syscall.empty());
  CHECK_FALSE(split.segments[1].stack.has_value());
}

TEST_CASE("pieces beyond the exact time are scaled down to it", "[model]") {
  auto times = exact(100);
  times.cause_ns[index(Cause::file)] = 90;
  Pieces pieces;
  pieces.add(key(Cause::file, "read"), 100, 1);
  pieces.add(key(Cause::file, "write"), 200, 1);
  const auto split = split_iteration(times, pieces);
  REQUIRE(split.segments.size() == 3);
  CHECK(split.segments[0].syscall == "write");
  CHECK(split.segments[0].ns == 60);
  CHECK(split.segments[1].ns == 30);
  CHECK(split.segments[2].cause == Cause::python);
  CHECK(split.segments[2].ns == 10);
}

TEST_CASE("exact times beyond the duration are scaled down to it", "[model]") {
  auto times = exact(100);
  times.cause_ns[index(Cause::sleep)] = 90;
  times.cause_ns[index(Cause::cpu_wait)] = 30;
  const auto split = split_iteration(times, {});
  CHECK(split.on_cpu_ns == 0);
  CHECK(split.cause_ns[index(Cause::sleep)] == 75);
  CHECK(split.cause_ns[index(Cause::cpu_wait)] == 25);
  times.cause_ns.fill(~0ULL);
  CHECK(sum_of(split_iteration(times, {}).cause_ns) == 100);
}

TEST_CASE("an empty or unreadable stack is no stack, and says so", "[model]") {
  StoredStack unreadable;
  unreadable.unreadable = true;
  Pieces pieces;
  pieces.add(key(Cause::python, "", std::make_shared<const StoredStack>(unreadable)), kFineSampleNs, 1);
  const auto split = split_iteration(exact(10), pieces);
  REQUIRE(split.segments.size() == 1);
  CHECK_FALSE(split.segments[0].stack.has_value());
  CHECK(split.segments[0].stack_unreadable);
}

TEST_CASE("pieces with the same key are merged, different culprits keep them apart", "[model]") {
  Pieces pieces;
  const auto f = stack_ref("f");
  auto with_peer = key(Cause::network, "recvfrom", f);
  with_peer.culprit = SocketEnds{.peer = "10.0.0.5:443"};
  pieces.add(with_peer, 5, 1);
  pieces.add(with_peer, 6, 2);
  with_peer.culprit = SocketEnds{.peer = "10.0.0.6:443"};
  pieces.add(with_peer, 7, 1);
  pieces.add(key(Cause::network, "recvfrom", f), 8, 1);
  REQUIRE(pieces.all().size() == 3);
  CHECK(pieces.all()[0].ns == 11);
  CHECK(pieces.all()[0].count == 3);
}

TEST_CASE("no more than 64 segments, and still everything in them", "[model]") {
  auto times = exact(1'000'000);
  times.cause_ns[index(Cause::file)] = 400'000;
  Pieces pieces;
  for (int i = 0; i < 100; ++i) {
    pieces.add(key(Cause::file, "read", stack_ref("f" + std::to_string(i))), 1'000 + static_cast<unsigned>(i), 1);
    pieces.add(key(Cause::python, "", stack_ref("g" + std::to_string(i))), kFineSampleNs, 1);
  }
  const auto split = split_iteration(times, pieces);
  CHECK(split.segments.size() <= kMaxSegments);
  std::uint64_t sum = 0;
  std::uint64_t samples = 0;
  for (const auto& segment : split.segments) {
    sum += segment.ns;
    if (segment.cause == Cause::python) samples += segment.count;
  }
  CHECK(sum == 1'000'000);
  CHECK(samples == 100);
  // Every read is among the smallest here: they join the file time that no piece covers.
  CHECK(split.segments[0].cause == Cause::file);
  CHECK(split.segments[0].ns == 400'000);
}

TEST_CASE("keys beyond the bound are merged by cause", "[model]") {
  Pieces pieces;
  for (int i = 0; i < 6'000; ++i) pieces.add(key(Cause::python, "", stack_ref("f")), kFineSampleNs, 1);
  CHECK(pieces.all().size() <= Pieces::kMaxKeys);
  std::uint64_t samples = 0;
  for (const auto& piece : pieces.all()) samples += piece.count;
  CHECK(samples == 6'000);
}

TEST_CASE("causes and segments add up to the duration whatever comes in", "[model]") {
  std::mt19937_64 random(4);
  std::vector<StackRef> stacks{nullptr};
  for (int i = 0; i < 12; ++i) stacks.push_back(stack_ref("f" + std::to_string(i)));
  for (int round = 0; round < 3'000; ++round) {
    ExactTimes times;
    times.duration_ns = random() % 2'000'000'000;
    for (auto& ns : times.cause_ns) ns = random() % 3 == 0 ? random() % (times.duration_ns / 4 + 1) : 0;
    for (auto& count : times.cause_count) count = static_cast<std::uint32_t>(random() % 10);
    if (random() % 50 == 0) times.cause_ns[index(Cause::lock)] = random();
    Pieces pieces;
    for (auto n = random() % 200; n > 0; --n) {
      const auto cause = static_cast<Cause>(random() % kCauses);
      pieces.add(key(cause, random() % 2 == 0 ? "read" : "", stacks[random() % stacks.size()]),
                 random() % 30 == 0 ? random() : random() % 50'000'000, random() % 3);
    }
    const auto split = split_iteration(times, pieces);
    REQUIRE(sum_of(split.cause_ns) == times.duration_ns);
    std::array<std::uint64_t, kCauses> by_segments{};
    for (std::size_t i = 0; i < split.segments.size(); ++i) {
      by_segments[index(split.segments[i].cause)] += split.segments[i].ns;
      REQUIRE(split.segments[i].ns > 0);
      if (i > 0) REQUIRE(split.segments[i - 1].ns >= split.segments[i].ns);
    }
    REQUIRE(by_segments == split.cause_ns);
    REQUIRE(split.segments.size() <= kMaxSegments);
  }
}

TEST_CASE("a sample that stands for much shares it with those that follow", "[model]") {
  SampleWeights weights;
  std::uint64_t now = 0;
  const auto take = [&](std::uint64_t cpu_ns) {
    const auto weight = weights.take(now += cpu_ns, cpu_ns);
    CHECK(weight.before == 0);
    return weight.own;
  };
  CHECK(take(kFineSampleNs) == kFineSampleNs);
  CHECK(take(0) == 1);
  // A single sample would decide over 20 ms: each of ten samples gets two more milliseconds.
  CHECK(take(21 * kFineSampleNs) == 3 * kFineSampleNs);
  for (int i = 0; i < 9; ++i) CHECK(take(kFineSampleNs) == 3 * kFineSampleNs);
  CHECK(take(kFineSampleNs) == kFineSampleNs);
  take(11 * kFineSampleNs);
  weights.clear();
  CHECK(take(kFineSampleNs) == kFineSampleNs);
}

TEST_CASE("a wait parts what samples stand for", "[model]") {
  constexpr auto kMs = kFineSampleNs;
  SampleWeights weights;
  CHECK(weights.wait(5 * kMs, 60 * kMs, true) == 0);  // no sample yet: nobody's
  CHECK(weights.take(100 * kMs, 21 * kMs).own == 3 * kMs);

  SECTION("a blocking call: what is owed, and the time up to it, are of the sample before it") {
    CHECK(weights.wait(104 * kMs, 60 * kMs, true) == 18 * kMs);
    CHECK(weights.wait(167 * kMs, 10 * kMs, true) == 0);  // between two waits: with what comes
    const auto weight = weights.take(180 * kMs, 10 * kMs);
    CHECK(weight.before == 4 * kMs);
    CHECK(weight.own == 6 * kMs / 10 + kMs - kMs / 10);  // itself more than a look's worth: shared again
    const auto next = weights.take(181 * kMs, kMs);
    CHECK(next.before == 0);
    CHECK(next.own == kMs + 5 * kMs / 10);
  }
  SECTION("time off the CPU before it does not count as time on it") {
    CHECK(weights.wait(101 * kMs, 2 * kMs, false) == 0);
    CHECK(weights.wait(104 * kMs, 60 * kMs, true) == 18 * kMs);
    CHECK(weights.take(165 * kMs, 3 * kMs).before == 2 * kMs);
  }
  SECTION("never more than the sample stands for") {
    CHECK(weights.wait(140 * kMs, 60 * kMs, true) == 18 * kMs);
    const auto weight = weights.take(201 * kMs, kMs);
    CHECK(weight.before == kMs);
    CHECK(weight.own == 1);
  }
  SECTION("one that does not block, or not for long, parts nothing; nor one of before the sample") {
    CHECK(weights.wait(104 * kMs, 60 * kMs, false) == 0);
    CHECK(weights.wait(164 * kMs, kMs - 1, true) == 0);
    CHECK(weights.wait(99 * kMs, 60 * kMs, true) == 0);
    const auto weight = weights.take(170 * kMs, 2 * kMs);
    CHECK(weight.before == 0);
    CHECK(weight.own == 4 * kMs);
  }
}

TEST_CASE("time on a CPU goes to the samples by what they stand for", "[model]") {
  Pieces pieces;
  pieces.add(key(Cause::python, "", stack_ref("f")), 30 * kFineSampleNs, 3);
  pieces.add(key(Cause::native, "", stack_ref("g")), 10 * kFineSampleNs, 10);
  const auto split = split_iteration({.duration_ns = 80 * kFineSampleNs, .cause_ns = {}, .cause_count = {}}, pieces);
  CHECK(split.cause_ns[index(Cause::python)] == 60 * kFineSampleNs);
  CHECK(split.cause_ns[index(Cause::native)] == 20 * kFineSampleNs);
}
