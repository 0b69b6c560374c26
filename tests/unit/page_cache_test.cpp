#include "proc/page_cache.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "tests/catch.h"
#include "tests/unit/fake_memory.h"
#include "util/clock.h"

using namespace aiotrace;

TEST_CASE("a cache of pages reads until its deadline, and nothing from then on", "[proc]") {
  testing::FakeMemory memory;
  memory.add(0x10000, proc::PageCache::kPage);
  memory.put(0x10008, std::uint64_t{17});
  proc::PageCache pages(memory);
  std::array<std::byte, 8> bytes{};
  CHECK(pages.read<std::uint64_t>(0x10008) == 17u);
  pages.end_at(monotonic_ns() + 3'600'000'000'000);
  CHECK(pages.read<std::uint64_t>(0x10008) == 17u);
  CHECK_FALSE(pages.late());

  // Also for cached pages, and for pages that are read once.
  pages.end_at(monotonic_ns() - 1);
  CHECK_FALSE(pages.late());
  for (int i = 0; i < 200; ++i) CHECK(pages.try_read(0x10008, bytes) == ETIME);
  std::array<std::byte, 5 * proc::PageCache::kPage> large{};
  CHECK(pages.try_read(0x10000, large) == ETIME);
  CHECK(pages.late());
  pages.forget();
  CHECK(pages.try_read(0x10008, bytes) == ETIME);
  CHECK(pages.late());
}

TEST_CASE("the deadline of a cache of pages comes while it is read", "[proc]") {
  testing::FakeMemory memory;
  memory.add(0x10000, proc::PageCache::kPage);
  proc::PageCache pages(memory);
  const std::uint64_t end_ns = monotonic_ns() + 2'000'000;
  pages.end_at(end_ns);
  // All reads are in one cached page: an endless walk would stay in such pages.
  while (pages.read<std::uint64_t>(0x10008)) REQUIRE(monotonic_ns() < end_ns + 10'000'000'000);
  CHECK(pages.late());
  CHECK(monotonic_ns() >= end_ns);
}

TEST_CASE("a refreshed cache has its pages as they were at that moment", "[proc]") {
  constexpr std::size_t kPages = 3;
  struct alignas(proc::PageCache::kPage) Page {
    volatile std::uint64_t value = 0;
  };
  static std::array<Page, kPages> pages;
  const proc::LiveMemory memory(::getpid());
  const proc::PageCache cache(memory);
  const auto set = [](std::uint64_t value) {
    for (auto& page : pages) page.value = value;
  };
  const auto seen = [&cache] {
    std::vector<std::uint64_t> values;
    for (const auto& page : pages)
      values.push_back(cache.read<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&page)).value_or(~std::uint64_t{0}));
    return values;
  };
  set(1);
  CHECK(seen() == std::vector<std::uint64_t>(kPages, 1));
  set(2);
  CHECK(seen() == std::vector<std::uint64_t>(kPages, 1));
  cache.refresh();
  set(3);
  CHECK(seen() == std::vector<std::uint64_t>(kPages, 2));
  CHECK(cache.pages_read() == 2 * kPages);
  cache.forget();
  CHECK(seen() == std::vector<std::uint64_t>(kPages, 3));
}
