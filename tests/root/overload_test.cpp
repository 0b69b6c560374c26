// More records than the ring buffer has room for: nothing is lost without being counted.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "abi/config.h"
#include "abi/records.h"
#include "probe/probe.h"
#include "tests/catch.h"

namespace aiotrace::testing {
namespace {

constexpr std::uint64_t kPolls = 200'000;

/// Polls as fast as it can, an iteration each, once a byte has come.
[[noreturn]] void poll_often(int go, int done) {
  const int epoll = ::epoll_create1(0);
  const int event = ::eventfd(1, 0);
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted);
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(1);
  for (std::uint64_t i = 0; i < kPolls; ++i) ::epoll_wait(epoll, &wanted, 1, 0);
  // Stays until it was looked at: an end is a record of its own.
  if (::write(done, &byte, 1) != 1 || ::read(go, &byte, 1) != 1) ::_exit(1);
  ::_exit(0);
}

TEST_CASE("a ring buffer of one page under 200,000 iterations: what is reported and what is counted as lost add up",
          "[alone][overload]") {
  std::array<int, 2> go{};
  std::array<int, 2> done{};
  REQUIRE(::pipe(go.data()) == 0);
  REQUIRE(::pipe(done.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) poll_often(go[0], done[1]);

  probe::ProbeOptions options;
  options.warn_ns = 0;  // every iteration is reported
  options.segment_ns = ~std::uint64_t{0};
  options.ring_bytes = 4096;
  options.poll = probe::PollProbe::tracepoint;
  auto probe = probe::Probe::load(options);
  REQUIRE(probe);
  REQUIRE(probe->set_process(static_cast<std::uint32_t>(child), process_config{}));
  REQUIRE(probe->attach());

  std::uint64_t reported = 0;
  std::uint64_t other = 0;
  std::uint64_t last = 0;
  const auto take = [&](std::span<const std::byte> bytes) {
    record head{};
    REQUIRE(bytes.size() >= sizeof head);
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.type != RECORD_ITERATION) {
      ++other;
      return;
    }
    iteration_record iteration{};
    REQUIRE(bytes.size() >= sizeof iteration);
    std::memcpy(&iteration, bytes.data(), sizeof iteration);
    CHECK((reported == 0 || iteration.iteration > last));
    last = iteration.iteration;
    ++reported;
  };
  char byte = 'x';
  REQUIRE(::write(go[1], &byte, 1) == 1);
  REQUIRE(::read(done[0], &byte, 1) == 1);
  REQUIRE(probe->consume(take));
  const auto lost = probe->losses()[LOSS_RING_FULL];
  const auto thread = probe->thread(static_cast<std::uint32_t>(child));
  REQUIRE(::write(go[1], &byte, 1) == 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  REQUIRE(thread);
  INFO("reported " << reported << ", lost " << lost << ", other records " << other);
  CHECK(reported > 0);
  CHECK(lost > kPolls / 2);
  // An iteration lies between two polls; the record of the loop itself is one more.
  CHECK(reported + lost + other == kPolls - 1 + 1);
}

}  // namespace
}  // namespace aiotrace::testing
