// References to objects in all memory, and the containers that they lie in.
#include "python/references.h"

#include "fake_memory.h"
#include "proc/sweep.h"
#include "tests/catch.h"

using namespace aiotrace;
using testing::FakeMemory;

namespace {

constexpr std::uint64_t kHeap = 0x7f0000000000;
constexpr std::uint64_t kSize = 0x100000;
constexpr std::uint64_t kListType = 0x600000;
constexpr std::uint64_t kFirst = kHeap + 0x40, kSecond = kHeap + 0x80;

struct Heap {
  FakeMemory memory;
  python::Layout layout = *python::layout_for(0x030e08f0);
  std::vector<proc::Range> ranges{{kHeap, kHeap + kSize}};
  std::uint64_t list = kHeap + 0x1000, items = kHeap + 0x90000;

  Heap() {
    memory.add(kHeap, kSize);
    memory.put(list + layout.bpf.obj_type, kListType);
    memory.put(list + layout.user.list_items, items);
    memory.put(list + layout.bpf.bytes_size, std::uint64_t{2});
    memory.put(items + 8, kFirst);
    memory.put(kHeap + 0x2008, kSecond);
    memory.put(kHeap + 0x7fff8, kSecond);  // at a piece's end
  }
  [[nodiscard]] python::ReferenceScan scan() const {
    return {memory, layout, {.list = kListType, .dict = 0, .set = 0}};
  }
};

std::vector<std::uint64_t> places(const std::vector<python::Reference>& references, std::uint64_t object) {
  std::vector<std::uint64_t> found;
  for (const auto& each : references) {
    if (each.object == object) found.push_back(each.at);
  }
  return found;
}

TEST_CASE("references: where objects are referred to, and the list that has one", "[heap]") {
  const Heap heap;
  auto scan = heap.scan();
  const auto found = scan.find(heap.ranges, {kFirst, kSecond});
  CHECK(places(found, kFirst) == std::vector<std::uint64_t>{heap.items + 8});
  CHECK(places(found, kSecond) == std::vector<std::uint64_t>{kHeap + 0x2008, kHeap + 0x7fff8});
  CHECK(found.size() == 3);
  const auto owners = scan.owners(found);
  REQUIRE(owners.size() == 1);
  CHECK(found[owners.begin()->first].object == kFirst);
  CHECK(owners.begin()->second == heap.list);
}

TEST_CASE("references: a look that goes along with another serves one search for what it watched for", "[heap]") {
  Heap heap;
  auto scan = heap.scan();
  scan.watch({kFirst, kSecond});
  proc::sweep(heap.memory, heap.ranges,
              [&](std::span<const std::byte> bytes, std::uint64_t at) { scan.take(bytes, at); });
  heap.memory.put(heap.items, kFirst);  // behind its back
  const auto found = scan.find(heap.ranges, {kFirst});
  CHECK(places(found, kFirst) == std::vector<std::uint64_t>{heap.items + 8});
  CHECK(found.size() == 1);
  CHECK(scan.owners(found).begin()->second == heap.list);
  const auto again = scan.find(heap.ranges, {kFirst});
  CHECK(places(again, kFirst) == std::vector<std::uint64_t>{heap.items, heap.items + 8});
  CHECK(scan.owners(again).size() == 2);
}

TEST_CASE("references: a search for another object looks itself", "[heap]") {
  const Heap heap;
  auto scan = heap.scan();
  scan.watch({kFirst});
  proc::sweep(heap.memory, heap.ranges,
              [&](std::span<const std::byte> bytes, std::uint64_t at) { scan.take(bytes, at); });
  CHECK(places(scan.find(heap.ranges, {kFirst, kSecond}), kSecond).size() == 2);
}

TEST_CASE("sweep: pieces in order, without what is unmapped", "[heap]") {
  FakeMemory memory;
  memory.add(kHeap, 0x81000);
  std::uint64_t next = kHeap;
  const auto swept = proc::sweep(memory, {{kHeap, kHeap + 0x83000}},
                                 [&](std::span<const std::byte> bytes, std::uint64_t address) {
                                   CHECK(address == next);
                                   next += bytes.size();
                                 });
  CHECK(next == kHeap + 0x81000);
  CHECK(swept.bytes == 0x81000);
  CHECK(swept.unreadable_bytes == 0x2000);
}

}  // namespace
