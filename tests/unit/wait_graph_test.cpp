// Rings and holders on small graphs, and on random ones against the definition itself.
#include "model/wait_graph.h"

#include <algorithm>
#include <random>
#include <set>

#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

using Party = WaitGraph::Party;
using Resource = WaitGraph::Resource;

Party waits(std::vector<std::uint32_t> resources) { return {.waits = std::move(resources), .steady = true}; }
Party moves() { return {}; }
Resource held(std::vector<std::uint32_t> by, bool closed = true) {
  Resource found{.closed = closed};
  for (const std::uint32_t each : by) found.holds.push_back({.party = each});
  return found;
}

std::vector<std::uint32_t> parties(const std::vector<FoundHang::Step>& ring) {
  std::vector<std::uint32_t> found;
  for (const auto& step : ring) found.push_back(step.party);
  return found;
}

std::size_t final_ones(const std::vector<FoundHang>& found) {
  return static_cast<std::size_t>(
      std::ranges::count_if(found, [](const FoundHang& each) { return is_final(each.verdict); }));
}

}  // namespace

TEST_CASE("two that wait for each other are a deadlock", "[model]") {
  const WaitGraph graph{.parties = {waits({1}), waits({0})}, .resources = {held({0}), held({1})}};
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::deadlock);
  CHECK(found[0].exact);
  CHECK(parties(found[0].ring) == std::vector<std::uint32_t>{0, 1});
  CHECK(found[0].ring[0].resource == 1);
  CHECK(found[0].resource == 1);
  CHECK(found[0].waiters.size() == 2);
}

TEST_CASE("a ring breaks at one that may have gone on, has a timeout, or whose resource others may give back",
          "[model]") {
  WaitGraph graph{.parties = {waits({1}), waits({0})}, .resources = {held({0}), held({1})}};
  SECTION("not steady") { graph.parties[0].steady = false; }
  SECTION("a timeout") { graph.parties[1].timed = true; }
  SECTION("others") { graph.resources[0].closed = false; }
  SECTION("one of two holders runs") {
    graph.parties.push_back(moves());
    graph.resources[0].holds.push_back({.party = 2});
  }
  SECTION("or it waits for another, too") {
    graph.parties.push_back(moves());
    graph.resources.push_back(held({2}));
    graph.parties[0].waits.push_back(2);
  }
  for (const auto& each : find_hangs(graph)) CHECK(each.verdict == HangVerdict::held);
}

TEST_CASE("one that waits for what it holds is a ring of its own", "[model]") {
  const auto found = find_hangs({.parties = {waits({0})}, .resources = {held({0})}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::deadlock);
  CHECK(found[0].ring.size() == 1);
}

TEST_CASE("those behind a ring wait with it, once", "[model]") {
  const WaitGraph graph{.parties = {waits({1}), waits({0}), waits({0}), waits({2})},
                        .resources = {held({0}), held({1}), held({2})}};
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].ring.size() == 2);
  CHECK(found[0].waiters.size() == 4);
}

TEST_CASE("a pool is stuck only if all who have a part of it are", "[model]") {
  WaitGraph graph{.parties = {waits({0}), waits({1}), waits({1}), moves()}, .resources = {held({1, 2}), held({0})}};
  CHECK(final_ones(find_hangs(graph)) == 1);
  graph.resources[0].holds.push_back({.party = 3});
  CHECK(final_ones(find_hangs(graph)) == 0);
}

TEST_CASE("a thread that waits for a task of its own loop waits for itself", "[model]") {
  WaitGraph graph{.parties = {Party{.task = false, .waits = {0}, .steady = true},
                              Party{.task = true, .runs_on = 0, .steady = true}},
                  .resources = {Resource{.kind = ResourceKind::future, .holds = {{.party = 1}}, .closed = true}}};
  auto found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::self_wait);
  CHECK(parties(found[0].ring) == std::vector<std::uint32_t>{0, 1});
  CHECK(!found[0].ring[1].resource);
  // A resource of another thread's loop can become available.
  graph.parties[1].runs_on.reset();
  found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::held);
}

TEST_CASE("what nobody has who could give it is abandoned, or cannot be set", "[model]") {
  WaitGraph graph{.parties = {waits({0}), waits({1})},
                  .resources = {held({}), Resource{.kind = ResourceKind::future, .closed = true}}};
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 2);
  CHECK(found[0].verdict == HangVerdict::abandoned);
  CHECK(found[1].verdict == HangVerdict::unresolvable);
}

TEST_CASE("a lock whose holder waits for what nobody can set is held by him", "[model]") {
  const WaitGraph graph{.parties = {waits({0}), waits({1})},
                        .resources = {Resource{.kind = ResourceKind::future, .closed = true}, held({0})}};
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 2);
  CHECK(found[0].verdict == HangVerdict::unresolvable);
  CHECK(found[0].waiters == std::vector<std::uint32_t>{0});
  CHECK(found[1].verdict == HangVerdict::held);
  CHECK(found[1].waiters == std::vector<std::uint32_t>{1});
}

TEST_CASE("a lock that nobody has is abandoned, for those with a timeout too; known or concluded", "[model]") {
  WaitGraph graph{.parties = {waits({0})}, .resources = {held({})}};
  graph.parties[0].timed = GENERATE(false, true);
  graph.resources[0].inferred = GENERATE(false, true);
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::abandoned);
  CHECK(found[0].exact != graph.resources[0].inferred);
}

TEST_CASE("a ring that rests on what is concluded is not exact, one beside it is", "[model]") {
  WaitGraph graph{.parties = {waits({1}), waits({0}), waits({3}), waits({2})},
                  .resources = {held({0}), held({1}), held({2}), held({3})}};
  graph.resources[1].inferred = true;
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 2);
  for (const FoundHang& each : found) CHECK(each.exact == (each.ring.front().party >= 2));
}

TEST_CASE("a task that goes on after it was cancelled has ignored that, if somebody waits for it", "[model]") {
  WaitGraph graph{.parties = {waits({0}), moves()}, .resources = {held({1})}};
  graph.resources[0].kind = ResourceKind::future;
  graph.parties[1].goes_on = true;
  SECTION("a task") {}
  SECTION("or the thread that ends its loop") {
    graph.parties[0].waits.clear();
    graph.resources[0].watchers = {0};
  }
  const auto found = find_hangs(graph);
  REQUIRE(found.size() == 1);
  CHECK(found[0].verdict == HangVerdict::cancel_ignored);
  CHECK(found[0].exact);
  CHECK_FALSE(is_final(found[0].verdict));
  CHECK(found[0].waiters == std::vector<std::uint32_t>{0});
}

TEST_CASE("an executor with all threads in use is exhausted", "[model]") {
  WaitGraph graph{.parties = {waits({0}), moves()}, .resources = {held({1})}};
  graph.resources[0].kind = ResourceKind::executor;
  graph.resources[0].capacity = 1;
  graph.resources[0].out = 1;
  CHECK(find_hangs(graph)[0].verdict == HangVerdict::exhausted);
  CHECK(find_hangs(graph)[0].exact);
  graph.resources[0].closed = false;
  CHECK(find_hangs(graph)[0].verdict == HangVerdict::exhausted);
  CHECK_FALSE(find_hangs(graph)[0].exact);
  graph.resources[0].out = 0;
  CHECK(find_hangs(graph)[0].verdict == HangVerdict::held);
}

namespace {

// The definition: each party that can continue does so and releases its resources, until nobody can continue.
std::set<std::uint32_t> stuck_by_playing(const WaitGraph& graph) {
  std::set<std::uint32_t> left;
  for (std::uint32_t i = 0; i < graph.parties.size(); ++i) left.insert(i);
  const auto can_end = [&](std::uint32_t resource) {
    const auto& its = graph.resources[resource];
    return !its.closed || std::ranges::any_of(its.holds, [&](const auto& hold) { return !left.contains(hold.party); });
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::uint32_t i = 0; i < graph.parties.size(); ++i) {
      const Party& party = graph.parties[i];
      if (!left.contains(i)) continue;
      const bool given = !party.steady || party.timed || party.waits.empty() ||
                         std::ranges::any_of(party.waits, can_end);
      const bool may_run = !party.steady || !party.runs_on || !left.contains(*party.runs_on);
      if (given && may_run) {
        left.erase(i);
        moved = true;
      }
    }
  }
  return left;
}

WaitGraph random_graph(std::mt19937_64& random) {
  WaitGraph graph;
  const std::uint32_t parties = 1 + random() % 12;
  const std::uint32_t resources = 1 + random() % 8;
  for (std::uint32_t i = 0; i < parties; ++i) {
    Party party{.task = random() % 3 != 0, .timed = random() % 8 == 0, .steady = random() % 6 != 0};
    if (random() % 5 != 0) party.waits.push_back(random() % resources);
    if (random() % 6 == 0) party.waits.push_back(random() % resources);
    if (party.task && random() % 4 == 0) party.runs_on = random() % parties;
    if (party.runs_on == i) party.runs_on.reset();
    graph.parties.push_back(std::move(party));
  }
  for (std::uint32_t i = 0; i < resources; ++i) {
    Resource resource{.closed = random() % 5 != 0};
    for (std::uint32_t n = random() % 4; n > 0; --n)
      resource.holds.push_back({.party = static_cast<std::uint32_t>(random() % parties)});
    graph.resources.push_back(std::move(resource));
  }
  return graph;
}

}  // namespace

TEST_CASE("of random graphs those are stuck that cannot go on in any order, and each ring is one", "[model]") {
  std::mt19937_64 random(17);
  for (int round = 0; round < 20'000; ++round) {
    const WaitGraph graph = random_graph(random);
    const auto stuck = stuck_by_playing(graph);
    std::set<std::uint32_t> claimed, reported;
    for (const FoundHang& each : find_hangs(graph)) {
      reported.insert(each.waiters.begin(), each.waiters.end());
      if (!is_final(each.verdict)) continue;
      // That nobody gives it back is said of the lock: those that wait may have a timeout.
      if (each.verdict == HangVerdict::abandoned) {
        REQUIRE(graph.resources[each.resource].closed);
        REQUIRE(graph.resources[each.resource].holds.empty());
        continue;
      }
      claimed.insert(each.waiters.begin(), each.waiters.end());
      for (std::size_t i = 0; i < each.ring.size(); ++i) {
        const auto& step = each.ring[i];
        const std::uint32_t next = each.ring[(i + 1) % each.ring.size()].party;
        if (!step.resource) {
          REQUIRE(graph.parties[step.party].runs_on == next);
          continue;
        }
        REQUIRE(std::ranges::count(graph.parties[step.party].waits, *step.resource) != 0);
        REQUIRE(std::ranges::count(graph.resources[*step.resource].holds, next, &WaitGraph::Hold::party) != 0);
      }
    }
    REQUIRE(std::ranges::includes(stuck, claimed));
    // Tasks that are only stuck because of their loop's thread are not counted as waiting.
    for (const std::uint32_t each : stuck) {
      if (!graph.parties[each].runs_on) REQUIRE(reported.contains(each));
    }
  }
}
