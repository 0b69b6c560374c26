// More records than the ring buffer has room for: nothing is lost without being counted, and who floods loses its own.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>

#include "abi/config.h"
#include "abi/records.h"
#include "probe/probe.h"
#include "tests/catch.h"

namespace aiotrace::testing {
namespace {

constexpr std::uint64_t kPolls = 200'000;

/// Polls as fast as it can, an iteration each, once a byte has come.
[[noreturn]] void poll_often(int go, int done, std::uint64_t polls) {
  const int epoll = ::epoll_create1(0);
  const int event = ::eventfd(1, 0);
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted);
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(1);
  for (std::uint64_t i = 0; i < polls; ++i) ::epoll_wait(epoll, &wanted, 1, 0);
  // Stays until it was looked at: an end is a record of its own.
  if (::write(done, &byte, 1) != 1 || ::read(go, &byte, 1) != 1) ::_exit(1);
  ::_exit(0);
}

/// A child that polls as soon as it may, and ends as soon as it may.
class Poller {
 public:
  explicit Poller(std::uint64_t polls) {
    REQUIRE(::pipe(go_.data()) == 0);
    REQUIRE(::pipe(done_.data()) == 0);
    child_ = ::fork();
    if (child_ == 0) poll_often(go_[0], done_[1], polls);
    REQUIRE(child_ > 0);
  }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller() {
    for (const int fd : {go_[0], go_[1], done_[0], done_[1]}) ::close(fd);
  }

  [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(child_); }
  /// Returns when all polls were made.
  void poll() {
    char byte = 'x';
    REQUIRE(::write(go_[1], &byte, 1) == 1);
    REQUIRE(::read(done_[0], &byte, 1) == 1);
  }
  void end() {
    const char byte = 'x';
    REQUIRE(::write(go_[1], &byte, 1) == 1);
    int status = 0;
    REQUIRE(::waitpid(child_, &status, 0) == child_);
    CHECK(status == 0);
  }

 private:
  std::array<int, 2> go_{};
  std::array<int, 2> done_{};
  pid_t child_ = -1;
};

/// Every iteration is reported.
probe::ProbeOptions options_for(std::uint32_t ring_bytes) {
  probe::ProbeOptions options;
  options.warn_ns = 0;
  options.segment_ns = ~std::uint64_t{0};
  options.ring_bytes = ring_bytes;
  options.poll = probe::PollProbe::tracepoint;
  return options;
}

/// What the ring buffer held.
struct Taken {
  std::map<std::uint32_t, std::uint64_t> iterations;  ///< by pid
  std::uint64_t other = 0;
};

Taken take_all(probe::Probe& probe) {
  Taken taken;
  std::map<std::uint32_t, std::uint64_t> last;
  const auto take = [&](std::span<const std::byte> bytes) {
    record head{};
    REQUIRE(bytes.size() >= sizeof head);
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.type != RECORD_ITERATION) {
      ++taken.other;
      return;
    }
    iteration_record iteration{};
    REQUIRE(bytes.size() >= sizeof iteration);
    std::memcpy(&iteration, bytes.data(), sizeof iteration);
    CHECK((!last.contains(head.pid) || iteration.iteration > last[head.pid]));
    last[head.pid] = iteration.iteration;
    ++taken.iterations[head.pid];
  };
  do REQUIRE(probe.consume(take));
  while (!probe.drained());
  return taken;
}

TEST_CASE("a ring buffer of one page under 200,000 iterations: what is reported and what is counted as lost add up",
          "[alone][overload]") {
  Poller poller(kPolls);
  auto probe = probe::Probe::load(options_for(4096));
  REQUIRE(probe);
  REQUIRE(probe->set_process(poller.pid(), process_config{}));
  REQUIRE(probe->attach());
  poller.poll();
  const auto taken = take_all(*probe);
  const auto lost = probe->losses()[LOSS_RING_FULL];
  const auto lost_by = probe->lost_by();
  const auto thread = probe->thread(poller.pid());
  poller.end();
  REQUIRE(thread);
  const auto reported = taken.iterations.contains(poller.pid()) ? taken.iterations.at(poller.pid()) : 0;
  INFO("reported " << reported << ", lost " << lost << ", other records " << taken.other);
  CHECK(reported > 0);
  CHECK(lost > kPolls / 2);
  // An iteration lies between two polls; the record of the loop itself is one more.
  CHECK(reported + lost + taken.other == kPolls - 1 + 1);
  REQUIRE(lost_by.size() == 1);
  CHECK(lost_by[0].pid == poller.pid());
  CHECK(lost_by[0].records == lost);
}

TEST_CASE("a process that floods the ring buffer loses its own records, and none of another's", "[alone][overload]") {
  constexpr std::uint64_t kVictimPolls = 50;
  Poller flooder(kPolls);
  Poller victim(kVictimPolls);
  auto probe = probe::Probe::load(options_for(256u << 10));
  REQUIRE(probe);
  for (const auto pid : {flooder.pid(), victim.pid()}) REQUIRE(probe->set_process(pid, process_config{}));
  REQUIRE(probe->attach());
  // Nothing is taken meanwhile: the worst case.
  flooder.poll();
  victim.poll();
  const auto taken = take_all(*probe);
  const auto lost_by = probe->lost_by();
  for (auto* poller : {&flooder, &victim}) poller->end();
  REQUIRE(taken.iterations.contains(victim.pid()));
  CHECK(taken.iterations.at(victim.pid()) == kVictimPolls - 1);
  REQUIRE(lost_by.size() == 1);
  CHECK(lost_by[0].pid == flooder.pid());
  CHECK(lost_by[0].records > kPolls / 2);
}

}  // namespace
}  // namespace aiotrace::testing
