#include "probe/poll_programs.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace aiotrace;
using namespace aiotrace::probe;

namespace {

constexpr PollProbe kAll[] = {PollProbe::fentry, PollProbe::tracepoint, PollProbe::uprobe};

// A kernel that refuses some ways: the requested ways, then the result.
std::string outcome(std::span<const PollProbe> ways, std::vector<PollProbe> refuses) {
  std::string text;
  std::vector<Refusal> refused;
  const auto attach = [&](PollProbe way) -> Status {
    text += std::string(name(way)) + " ";
    if (std::ranges::find(refuses, way) == refuses.end()) return {};
    return fail("attach " + std::string(name(way)), "refused");
  };
  const auto attached = first_that_attaches(ways, attach, refused);
  text += "→ " + (attached ? std::string(name(*attached)) : attached.error().message());
  for (const auto& [way, why] : refused) text += "; " + std::string(name(way)) + ": " + why;
  return text;
}

}  // namespace

TEST_CASE("the first way to see polls that attaches serves", "[probe]") {
  CHECK(outcome(kAll, {}) == "fentry → fentry");
  CHECK(outcome(kAll, {PollProbe::fentry}) == "fentry tracepoint → tracepoint; fentry: attach fentry: refused");
  CHECK(outcome(kAll, {PollProbe::fentry, PollProbe::tracepoint}) ==
        "fentry tracepoint uprobe → uprobe; fentry: attach fentry: refused; tracepoint: attach tracepoint: refused");
}

TEST_CASE("without a way to see polls the last one's error is the reason", "[probe]") {
  const auto all = outcome(std::span(kAll).first(2), {PollProbe::fentry, PollProbe::tracepoint});
  CHECK(all ==
        "fentry tracepoint → attach tracepoint: refused; fentry: attach fentry: refused; "
        "tracepoint: attach tracepoint: refused");
  CHECK(outcome(std::span(kAll).first(1), {PollProbe::fentry}) ==
        "fentry → attach fentry: refused; fentry: attach fentry: refused");
}
