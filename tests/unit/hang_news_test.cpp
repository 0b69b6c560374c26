#include "model/hang_news.h"

#include "tests/catch.h"

using namespace aiotrace;
using model::HangNews;
using model::HangVerdict;

namespace {

constexpr std::uint64_t kLookNs = 10'000'000'000;

model::Hang hang_of(std::uint64_t id, HangVerdict verdict, std::uint64_t waiting, std::uint64_t since_ns) {
  model::Hang hang{.id = id, .since_ns = since_ns, .verdict = verdict};
  hang.resource.waiting = waiting;
  return hang;
}

std::size_t news(HangNews& state, const std::vector<model::Hang>& found, std::uint64_t now_ns) {
  return state.of(found, now_ns).size();
}

}  // namespace

TEST_CASE("what is proved to hang is news at once, and again when twice as many wait", "[hang]") {
  HangNews state;
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 2, 100)}, 100) == 1);
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 3, 100)}, 100 + kLookNs) == 0);
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 4, 100)}, 100 + 2 * kLookNs) == 1);
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 7, 100)}, 100 + 3 * kLookNs) == 0);
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 7, 100), hang_of(2, HangVerdict::self_wait, 1, 200)},
             100 + 4 * kLookNs) == 1);
}

TEST_CASE("a crowd at what is held is news when it has waited from one look to the next", "[hang]") {
  for (const auto verdict : {HangVerdict::held, HangVerdict::exhausted}) {
    HangNews state;
    CHECK(news(state, {hang_of(1, verdict, 5, 100)}, 100) == 0);
    CHECK(news(state, {hang_of(1, verdict, 5, 100)}, 100 + kLookNs) == 1);
    CHECK(news(state, {hang_of(1, verdict, 5, 100)}, 100 + 2 * kLookNs) == 0);
    CHECK(news(state, {hang_of(2, verdict, 4, 100)}, 100 + 3 * kLookNs) == 0);  // no crowd
  }
}

TEST_CASE("a task that ignored its cancellation is news when somebody has waited for it for a while", "[hang]") {
  HangNews state;
  CHECK(news(state, {hang_of(1, HangVerdict::cancel_ignored, 1, 100)}, 100) == 0);
  CHECK(news(state, {hang_of(1, HangVerdict::cancel_ignored, 1, 100)}, 100 + kLookNs) == 1);
}

TEST_CASE("who waits for what nobody is proved to hold is no news", "[hang]") {
  HangNews state;
  CHECK(news(state, {hang_of(1, HangVerdict::waiting, 500, 0)}, 10 * kLookNs) == 0);
}

TEST_CASE("what went away and comes again is news again", "[hang]") {
  HangNews state;
  CHECK(news(state, {hang_of(1, HangVerdict::deadlock, 2, 0)}, 0) == 1);
  CHECK(news(state, {}, kLookNs) == 0);
  CHECK(news(state, {hang_of(2, HangVerdict::deadlock, 2, kLookNs)}, 2 * kLookNs) == 1);
}

TEST_CASE("a task that waits for ever on purpose is no news, several at one place are", "[hang]") {
  HangNews state;
  CHECK(news(state, {hang_of(1, HangVerdict::unresolvable, 1, 0)}, 0) == 0);
  CHECK(news(state, {hang_of(1, HangVerdict::unresolvable, 2, 0)}, kLookNs) == 1);
  auto named = hang_of(2, HangVerdict::unresolvable, 1, 0);
  named.resource.name = "Reply.done";
  CHECK(news(state, {named}, 2 * kLookNs) == 1);
}
