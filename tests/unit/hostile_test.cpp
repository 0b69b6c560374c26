// How a target can affect our walks and our output.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "output/json/values.h"
#include "proc/memory.h"
#include "proc/page_cache.h"
#include "proc/resident.h"
#include "tests/catch.h"

using namespace aiotrace;

TEST_CASE("hostile: JSON spells what a terminal would act on", "[hostile]") {
  CHECK(output::line_of(output::Json("plain")) == R"("plain")");
  CHECK(output::line_of(output::Json("é😀")) == R"("é😀")");
  CHECK(output::line_of(output::Json("a\u009b31m\u202eb\x7f\U000e0041")) == R"("a\u009b31m\u202eb\u007f\udb40\udc41")");
  CHECK(output::Json::parse(output::line_of(output::Json("\u009b\U000e0041"))) == output::Json("\u009b\U000e0041"));
}

TEST_CASE("hostile: what is stopped reads nothing more, not even what it has kept", "[hostile]") {
  std::atomic<bool> stop = false;
  const std::uint64_t value = 42;
  const auto address = reinterpret_cast<std::uint64_t>(&value);
  const proc::LiveMemory memory(getpid(), &stop);
  const proc::PageCache pages(memory);
  REQUIRE(pages.read<std::uint64_t>(address) == value);
  stop = true;
  std::uint64_t again = 0;
  const auto bytes = std::as_writable_bytes(std::span(&again, 1));
  CHECK(memory.try_read(address, bytes) == ECANCELED);
  CHECK(pages.try_read(address, bytes) == ECANCELED);
}

TEST_CASE("hostile: a reservation that is too large does not hide what is behind it", "[hostile]") {
  constexpr std::uint64_t kPage = 4096;
  std::vector<char> heap(4 * kPage, 'x');
  const auto start = (reinterpret_cast<std::uint64_t>(heap.data()) + kPage - 1) / kPage * kPage;
  const auto found = proc::resident_memory(getpid(), {{0x1000, std::uint64_t{1} << 46}, {start, start + kPage}});
  CHECK(found.skipped_bytes == (std::uint64_t{1} << 46) - 0x1000);
  REQUIRE_FALSE(found.ranges.empty());
  CHECK(found.ranges.back().start == start);
}
