// The ring buffer is shared: who fills it loses its own records, not those of others.
#include "tests/catch.h"
#include "tests/native/host.h"
#include "tests/native/memory.h"

namespace aiotrace::testing {
namespace {

constexpr std::uint32_t kRecord = 256;
constexpr std::uint32_t kFlooder = 77;
constexpr std::uint32_t kVictim = 78;

/// Records of `pid` until one finds no room, nobody takes any: their bytes.
std::uint64_t fill(std::uint32_t pid) {
  std::uint64_t bytes = 0;
  while (host_ring_waiting + kRecord <= HOST_RING_BYTES && host_emit(pid, kRecord)) {
    bytes += kRecord;
    host_ring_waiting += kRecord;
  }
  return bytes;
}

double share(std::uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(HOST_RING_BYTES); }

TEST_CASE("a process that floods the ring leaves room for others, and its losses are its own") {
  Memory memory;
  const auto flood = share(fill(kFlooder));
  CHECK(flood > 0.5);
  CHECK(flood < 0.6);
  CHECK(host_refused(kFlooder) == 1);
  CHECK(host_emit(kVictim, kRecord));
  CHECK_FALSE(host_emit(kFlooder, kRecord));
  CHECK(host_refused(kFlooder) == 2);
  CHECK(host_refused(kVictim) == 0);
  CHECK(host_losses[LOSS_RING_FULL] == 2);
}

TEST_CASE("ten processes that flood the ring together leave room for an eleventh") {
  Memory memory;
  for (std::uint32_t pid = 100; pid < 110; ++pid) fill(pid);
  CHECK(share(host_ring_waiting) > 0.99);
  CHECK(host_emit(kVictim, kRecord));
}

TEST_CASE("what user space has taken counts no more") {
  Memory memory;
  fill(kFlooder);
  host_end_epoch();
  // It may still lie there.
  CHECK_FALSE(host_emit(kFlooder, kRecord));
  host_end_epoch();
  host_ring_waiting = HOST_RING_BYTES / 2;
  CHECK(host_emit(kFlooder, kRecord));
}

TEST_CASE("a ring that is nearly empty is open to everybody") {
  Memory memory;
  for (int i = 0; i < 10'000; ++i) REQUIRE(host_emit(kFlooder, kRecord));
  CHECK(host_refused(kFlooder) == 0);
}

}  // namespace
}  // namespace aiotrace::testing
