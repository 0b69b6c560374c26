#include "app/held_events.h"

#include "tests/catch.h"

using aiotrace::app::HeldEvents;
using aiotrace::model::Sample;
using aiotrace::model::TaskSeen;
using Verdict = HeldEvents::Verdict;

namespace {

HeldEvents::Event sample(std::uint64_t ip) {
  Sample sample;
  sample.ip = ip;
  return sample;
}

Verdict hold(HeldEvents& held, std::uint32_t tid, std::uint64_t iteration, HeldEvents::Event event) {
  return held.hold(tid, iteration, event);
}

}  // namespace

TEST_CASE("held events: come out in order, once, and later ones are not held", "[held]") {
  HeldEvents held;
  CHECK(hold(held, 1, 7, TaskSeen{}) == Verdict::held_anew);
  CHECK(hold(held, 1, 7, sample(10)) == Verdict::held);
  const auto events = held.release(1, 7);
  REQUIRE(events.size() == 2);
  CHECK(std::holds_alternative<TaskSeen>(events[0]));
  CHECK(std::get<Sample>(events[1]).ip == 10);
  CHECK(held.release(1, 7).empty());
  CHECK(hold(held, 1, 7, sample(11)) == Verdict::full);
}

TEST_CASE("held events: a new iteration drops what was held of the one before", "[held]") {
  HeldEvents held;
  hold(held, 1, 7, sample(10));
  CHECK(hold(held, 1, 8, sample(11)) == Verdict::held_anew);
  CHECK(held.release(1, 7).empty());
  const auto events = held.release(1, 8);
  REQUIRE(events.size() == 1);
  CHECK(std::get<Sample>(events[0]).ip == 11);
}

TEST_CASE("held events: asking for an iteration that was not read yet takes nothing away", "[held]") {
  HeldEvents held;
  hold(held, 1, 7, sample(10));
  CHECK(held.release(1, 9).empty());
  CHECK(held.release(1, 7).size() == 1);
}

TEST_CASE("held events: many are not held, and the one that is too much stays whole", "[held]") {
  HeldEvents held;
  for (std::size_t i = 0; i < HeldEvents::kMost; i++) hold(held, 1, 7, sample(i));
  HeldEvents::Event event = sample(99);
  CHECK(held.hold(1, 7, event) == Verdict::full);
  CHECK(std::get<Sample>(event).ip == 99);
  CHECK(held.release(1, 7).size() == HeldEvents::kMost);
}

TEST_CASE("held events: threads have nothing to do with each other", "[held]") {
  HeldEvents held;
  hold(held, 1, 7, sample(10));
  hold(held, 2, 8, sample(20));
  held.forget_thread(1);
  CHECK(held.release(1, 7).empty());
  CHECK(held.release(2, 8).size() == 1);
}
