// The heap scan and its acceptance of objects, on constructed memory, including hostile memory.
#include "fake_memory.h"

#include <array>

#include "proc/resident.h"
#include "python/census.h"
#include "python/heap_scan.h"
#include "python/suspects.h"
#include "tests/catch.h"

using namespace aiotrace;
using testing::FakeMemory;

namespace {

constexpr std::uint64_t kPresent = 1ull << 63;
constexpr std::uint64_t kSwapped = 1ull << 62;
constexpr std::uint64_t kHeap = 0x7f0000000000;
constexpr std::uint64_t kTypes = 0x600000;

/// A heap of CPython 3.14's with types, a code object and whatever a test puts there.
struct Heap {
  FakeMemory memory;
  python::Interpreter interpreter;
  std::uint64_t code_type = kTypes, str_type = kTypes + 0x200, other_type = kTypes + 0x400, type_type = kTypes + 0xa00;
  std::uint64_t code = kHeap + 0x1000, name = kHeap + 0x2000;

  Heap() {
    interpreter.layout = *python::layout_for(0x030e08f0);
    interpreter.layout.bpf.version = interpreter.version_hex = 0x030e08f0;
    interpreter.coro_type = kTypes + 0x600;
    interpreter.async_gen_type = kTypes + 0x800;
    memory.add(kTypes, 0x1000);
    memory.add(kHeap, 0x40000);
    type(type_type, 0xc40, "type");
    memory.put(type_type + user().type_flags, std::uint64_t{1} << 31);  // Py_TPFLAGS_TYPE_SUBCLASS
    type(code_type, 0xc00, "code");
    type(str_type, 0xc10, "str");
    type(other_type, 0xc20, "nonsense");
    type(interpreter.coro_type, 0xc30, "coroutine");
    memory.put(code + bpf().obj_type, code_type);
    memory.put(code + bpf().code_firstlineno, std::uint32_t{10});
    memory.put(name + bpf().obj_type, str_type);
  }
  [[nodiscard]] const py_layout& bpf() const { return interpreter.layout.bpf; }
  [[nodiscard]] const python::UserLayout& user() const { return interpreter.layout.user; }
  void type(std::uint64_t at, std::uint64_t text, std::string_view type_name) {
    memory.write(kTypes + text, type_name);
    memory.put(at + user().type_name, kTypes + text);
    memory.put(at + bpf().obj_type, type_type);
    memory.put(at + user().type_basicsize, std::uint64_t{64});
  }
  void coroutine(std::uint64_t at, std::int8_t state, std::uint64_t awaits = 0) {
    memory.put(at - 16, std::uint64_t{kHeap});
    memory.put(at - 8, std::uint64_t{kHeap});
    memory.put(at, std::uint64_t{1});
    memory.put(at + bpf().obj_type, interpreter.coro_type);
    memory.put(at + user().coro_state, state);
    memory.put(at + bpf().gen_qualname, name);
    const std::uint64_t frame = at + bpf().gen_iframe;
    memory.put(frame + bpf().frame_code, code);
    memory.put(frame + bpf().frame_owner, std::uint8_t{1});
    memory.put(frame + bpf().frame_localsplus, awaits);
    memory.put(frame + user().frame_stacktop, frame + bpf().frame_localsplus + 8);
  }
  [[nodiscard]] python::Census census() {
    python::CodeCache codes(memory, interpreter.layout);
    python::AsyncioReader reader(interpreter, memory, codes);
    proc::ResidentMemory resident;
    resident.ranges = {{kHeap, kHeap + 0x40000}};
    return python::take_census(reader, memory, resident, {});
  }
  [[nodiscard]] python::Suspects suspects(const python::Census& census) {
    python::CodeCache codes(memory, interpreter.layout);
    python::AsyncioReader reader(interpreter, memory, codes);
    return python::find_suspects(reader, census, false);
  }
};

constexpr std::int8_t kCreated = -3;
constexpr std::int8_t kAwaits = -1;

}  // namespace

TEST_CASE("resident: runs of pages that are there", "[heap]") {
  proc::ResidentMemory found;
  proc::add_resident(0x10000, {kPresent, kPresent | 5, 0, kSwapped, kPresent}, found);
  proc::add_resident(0x15000, {kPresent, kSwapped}, found);
  CHECK(found.ranges == std::vector<proc::Range>{{0x10000, 0x12000}, {0x14000, 0x16000}});
  CHECK(found.bytes == 4 * 4096);
  CHECK(found.swapped_bytes == 2 * 4096);
}

TEST_CASE("resident: only private memory without a file that can be written", "[heap]") {
  const auto maps = proc::Maps::parse(
      "1000-2000 rw-p 00000000 00:00 0 [heap]\n"
      "3000-4000 rw-p 00000000 00:00 0 \n"
      "5000-6000 r--p 00000000 00:00 0 \n"
      "7000-8000 rw-s 00000000 00:00 0 \n"
      "9000-a000 rw-p 00000000 08:01 77 /lib/x.so\n"
      "b000-c000 rw-p 00000000 00:00 0 [anon:cpython:arena]\n"
      "d000-e000 rw-p 00000000 00:00 0 [stack]\n");
  CHECK(proc::heap_mappings(maps) == std::vector<proc::Range>{{0x1000, 0x2000}, {0x3000, 0x4000}, {0xb000, 0xc000}});
}

TEST_CASE("heap scan: finds objects by type, at the ends of ranges and across what is unmapped", "[heap]") {
  FakeMemory memory;
  memory.add(kHeap, 0x200000);
  const std::uint64_t last = kHeap + 0x200000 - 16;
  for (const std::uint64_t at : {kHeap, kHeap + 0x7fff0, kHeap + 0x80000, last})
    memory.put(at + 8, std::uint64_t{0x1230});
  memory.put(kHeap + 0x100, std::uint64_t{0x1230});            // no multiple of 16 + 8
  memory.put(kHeap + 0x208, std::uint64_t{0x1230 + 0x10000});  // the same low bits
  memory.put(kHeap + 0x308, std::uint64_t{0x4560});
  const std::array<std::uint64_t, 3> types{0x1230, 0, 0x4560};
  const python::HeapScan scan(types, 8);
  const auto found = scan.run(memory, {{kHeap, kHeap + 0x200000 + 0x3000}});
  CHECK(found.objects[0] == std::vector<std::uint64_t>{kHeap, kHeap + 0x7fff0, kHeap + 0x80000, last});
  CHECK(found.objects[1].empty());
  CHECK(found.objects[2] == std::vector<std::uint64_t>{kHeap + 0x300});
  CHECK(found.unreadable_bytes == 0x3000);
  CHECK(found.bytes == 0x200000);
  CHECK(found.dropped == 0);
}

TEST_CASE("suspects: an awaitable of an unknown class holds what its own fields say, not what lies behind it",
          "[heap]") {
  Heap heap;
  const std::uint64_t awaitable = kHeap + 0x3010, running = kHeap + 0x4010, held = kHeap + 0x5010;
  heap.memory.put(awaitable, std::uint64_t{1});
  heap.memory.put(awaitable + heap.bpf().obj_type, heap.other_type);
  heap.memory.put(heap.other_type + heap.user().type_basicsize, std::uint64_t{32});
  heap.coroutine(held, kAwaits, awaitable + 0x8000);
  heap.coroutine(running, kAwaits, awaitable);
  const auto orphans = [&](std::uint64_t field) {
    heap.memory.put(awaitable + 16, std::uint64_t{0});
    heap.memory.put(awaitable + 32, std::uint64_t{0});
    heap.memory.put(awaitable + field, held);
    auto census = heap.census();
    census.futures.push_back({.object = kHeap + 0x6000, .task = true, .coroutine = running});
    return heap.suspects(census).unclassified;
  };
  CHECK(orphans(16) == 0);
  CHECK(orphans(32) == 1);
  heap.memory.put(awaitable, std::uint64_t{0});  // freed
  CHECK(orphans(16) == 1);
}

TEST_CASE("census: what is believed to be a coroutine", "[heap]") {
  Heap heap;
  const std::uint64_t good = kHeap + 0x3010;
  heap.coroutine(good, kCreated);
  CHECK(heap.census().coroutines.size() == 1);
  CHECK(heap.census().coroutines.at(good).state == python::CoroutineState::created);
  const auto not_believed = [&](const char* why) {
    INFO(why);
    CHECK(heap.census().coroutines.empty());
    heap.coroutine(good, kCreated);
    CHECK(heap.census().coroutines.size() == 1);
  };
  heap.memory.put(good, std::uint64_t{0});
  not_believed("freed: no references");
  heap.memory.put(good - 8, std::uint64_t{1});
  not_believed("freed: out of the collector's list, though finalized");
  heap.memory.put(good + heap.user().coro_state, std::int8_t{77});
  not_believed("a state that there is not");
  heap.memory.put(good + heap.bpf().gen_iframe + heap.bpf().frame_code, heap.name);
  not_believed("its code is a string");
  heap.memory.put(good + heap.bpf().gen_qualname, heap.code);
  not_believed("its name is a code object");
  heap.memory.put(good + heap.bpf().gen_qualname, std::uint64_t{8});
  not_believed("its name is nowhere");
  heap.memory.put(good + heap.bpf().gen_iframe + heap.bpf().frame_owner, std::uint8_t{0});
  not_believed("its frame belongs to a thread");
  // During a collection the field holds a count and the flag "collecting".
  heap.memory.put(good - 8, std::uint64_t{2});
  CHECK(heap.census().coroutines.size() == 1);
}

TEST_CASE("suspects: chains in a cycle and very deep ones end", "[heap]") {
  Heap heap;
  const std::uint64_t a = kHeap + 0x3010;
  const std::uint64_t b = kHeap + 0x3210;
  heap.coroutine(a, kAwaits, b);
  heap.coroutine(b, kAwaits, a);
  auto census = heap.census();
  CHECK(census.coroutines.size() == 2);
  CHECK(heap.suspects(census).all.empty());
  heap.coroutine(a, kAwaits, a);
  heap.coroutine(b, kAwaits, kHeap + 0x100);  // no object at all
  CHECK(heap.suspects(heap.census()).all.empty());

  Heap deep;
  constexpr std::uint64_t kStep = 0x100;
  for (std::uint64_t at = kHeap + 0x3010; at + kStep < kHeap + 0x40000; at += kStep)
    deep.coroutine(at, kAwaits, at + kStep);
  const auto long_chain = deep.census();
  CHECK(long_chain.coroutines.size() > 900);
  CHECK(deep.suspects(long_chain).all.empty());
}

TEST_CASE("suspects: one that was never awaited, and is still the same", "[heap]") {
  Heap heap;
  const std::uint64_t at = kHeap + 0x3010;
  heap.coroutine(at, kCreated, 0x1111);
  const auto found = heap.suspects(heap.census());
  REQUIRE(found.all.size() == 1);
  CHECK(found.all[0].kind == python::Suspect::Kind::never_awaited);
  CHECK(found.all[0].address == at);
  CHECK(found.places.at(found.all[0].place).chain.size() == 1);
  const auto still = [&] {
    python::CodeCache codes(heap.memory, heap.interpreter.layout);
    python::AsyncioReader reader(heap.interpreter, heap.memory, codes);
    return python::still_suspect(reader, found.all[0]);
  };
  CHECK(still());
  heap.coroutine(at, 0, 0x1111);
  CHECK(!still());
  heap.coroutine(at, kCreated, 0x1111);
  heap.memory.put(at, std::uint64_t{0});
  CHECK(!still());
}
