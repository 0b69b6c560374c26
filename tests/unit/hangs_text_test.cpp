#include <algorithm>

#include "output/text/hangs.h"
#include "tests/catch.h"
#include "tests/unit/output_samples.h"

using namespace aiotrace;
using output::hang_look_lines;

namespace {

model::HangParty task(std::string name) {
  model::HangParty party;
  party.task = true;
  party.name = std::move(name);
  party.waits_for = "lock B";
  return party;
}

model::Hang ring_of(std::size_t parties, const std::string& name) {
  model::Hang hang;
  hang.verdict = model::HangVerdict::deadlock;
  hang.resource.kind = model::ResourceKind::lock;
  for (std::size_t i = 0; i < parties; ++i) {
    hang.waiters.push_back(task(name + std::to_string(i)));
    hang.ring.push_back(i);
  }
  return hang;
}

bool has(const std::vector<std::string>& lines, std::string_view part) {
  return std::ranges::any_of(lines, [part](const std::string& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a look that found nothing says what it could not read", "[output]") {
  const auto whole = hang_look_lines({}, {.tasks = 3}, samples::context());
  CHECK(whole == std::vector<std::string>{"no wait for another task or thread, nor for what one holds, was found; "
                                          "waits for sockets, processes and timers are not judged"});
  const auto in_part = hang_look_lines({}, {.tasks = 3, .unreadable = 2, .torn = true}, samples::context());
  CHECK(has(in_part, "2 tasks could not be read"));
  CHECK(has(in_part, "some may be missing"));
}

TEST_CASE("names of a hang are clean, and it has at most twelve lines", "[output]") {
  const auto lines = hang_look_lines({ring_of(20, "\x1b[31mred\n")}, {.tasks = 20}, samples::context());
  CHECK(has(lines, "20 tasks wait for each other"));
  CHECK(lines.size() <= output::kMaxHangLines);
  CHECK_FALSE(has(lines, "\x1b"));
  CHECK_FALSE(has(lines, "\n"));
  CHECK_FALSE(has(lines, "was found"));
}

TEST_CASE("of a ring that was cut all parties are counted, and none holds what another one does", "[output]") {
  auto hang = ring_of(3, "t");
  hang.ring_more = 40;
  const auto lines = hang_look_lines({hang}, {.tasks = 43}, samples::context());
  CHECK(has(lines, "3 tasks and 40 more wait for each other"));
  CHECK(has(lines, "t1 waits for lock B, held by t2"));
  CHECK(has(lines, "t2 waits for lock B, held by the first of those that are not shown"));
}

TEST_CASE("holders that do the same at the same place are one line", "[output]") {
  model::Hang hang{.verdict = model::HangVerdict::exhausted};
  hang.resource = {.kind = model::ResourceKind::executor, .name = "app.POOL", .capacity = 3, .out = 3, .waiting = 1};
  hang.waiters.push_back(task("request"));
  for (const auto* name : {"worker_0", "worker_1", "worker_2"}) {
    model::HangParty party;
    party.task = false;
    party.name = name;
    party.state = model::PartyState::sleeping;
    hang.holders.push_back(party);
  }
  const auto lines = output::hang_lines(hang, samples::context());
  CHECK(has(lines, "3 threads like thread worker_0 hold it: sleeping"));
  hang.holders.back().state = model::PartyState::running;
  const auto two = output::hang_lines(hang, samples::context());
  CHECK(has(two, "2 threads like thread worker_0 hold it: sleeping"));
  CHECK(has(two, "thread worker_2 holds it: running"));
}
