// Coroutines, await chains and task sets in made-up memory: data that a program can construct must not cause excessive
// cost.
#include "python/tasks.h"

#include <algorithm>

#include "fake_memory.h"
#include "output/json/tasks.h"
#include "output/text/tasks.h"
#include "proc/page_cache.h"
#include "python/await_chain.h"
#include "python/containers.h"
#include "tests/catch.h"

using namespace aiotrace;
using python::AwaitableKind;
using python::CoroutineState;
using testing::FakeMemory;

namespace {

constexpr std::uint64_t kCoroType = 0x10000;
constexpr std::uint64_t kGenType = 0x11000;
constexpr std::uint64_t kOtherType = 0x12000;
constexpr std::uint64_t kHeap = 0x100000;
constexpr std::uint64_t kObject = 256;  // bytes that each object here has room in

/// A heap of coroutines of CPython 3.13, whose fields are all in the object.
struct Heap {
  FakeMemory memory;
  python::Interpreter interpreter;
  const py_layout& bpf = interpreter.layout.bpf;
  const python::UserLayout& user = interpreter.layout.user;

  explicit Heap(std::size_t objects) {
    interpreter.layout = *python::layout_for(0x030d00f0);
    interpreter.version_hex = interpreter.layout.bpf.version;
    interpreter.coro_type = kCoroType;
    interpreter.gen_type = kGenType;
    memory.add(kCoroType, 0x3000);
    memory.add(kHeap, objects * kObject);
  }
  static std::uint64_t at(std::size_t i) { return kHeap + i * kObject; }
  void coroutine(std::size_t i, std::int8_t state, std::uint64_t awaits) {
    memory.put(at(i) + bpf.obj_type, kCoroType);
    memory.put(at(i) + user.coro_state, state);
    const std::uint64_t frame = at(i) + bpf.gen_iframe;
    memory.put(frame + user.frame_stacktop, std::int32_t{1});
    memory.put(frame + bpf.frame_localsplus, awaits);
  }
};
constexpr std::int8_t kYieldFrom = -1;  // FRAME_SUSPENDED_YIELD_FROM of 3.13
constexpr std::int8_t kSuspended = -2;
constexpr std::int8_t kCreated = -3;

model::TaskRow row(std::uint64_t id, const std::string& name, std::vector<std::uint64_t> awaited_by) {
  model::TaskRow task;
  task.id = id;
  task.name = name;
  task.state = "pending";
  task.coroutine = "work";
  task.waits_for.kind = model::TaskWaitKind::future;
  task.awaited_by = std::move(awaited_by);
  return task;
}

}  // namespace

TEST_CASE("coroutine: states, and those that no version has", "[tasks]") {
  Heap heap(2);
  python::CoroutineReader reader(heap.interpreter, heap.memory);
  const auto state = [&](std::int8_t value) {
    heap.coroutine(0, value, 0x999);
    return reader.read(Heap::at(0));
  };
  CHECK(state(kCreated)->state == CoroutineState::created);
  CHECK(state(kCreated)->awaits == 0);
  CHECK(state(kSuspended)->state == CoroutineState::suspended);
  CHECK(state(kSuspended)->awaits == 0);
  CHECK(state(kYieldFrom)->awaits == 0x999);
  CHECK(state(0)->state == CoroutineState::running);
  CHECK(state(4)->state == CoroutineState::finished);
  CHECK(state(4)->frame == 0);
  CHECK(!state(5));
  CHECK(!state(-4));
  CHECK(!state(127));
  CHECK(!reader.read(0));
  CHECK(!reader.read(0x5555));
  heap.memory.put(Heap::at(1) + heap.bpf.obj_type, kOtherType);
  CHECK(reader.kind_of(Heap::at(1)) == AwaitableKind::other);
  CHECK(!reader.read(Heap::at(1)));
}

TEST_CASE("coroutine: a stack that cannot be is not followed", "[tasks]") {
  Heap heap(1);
  python::CoroutineReader reader(heap.interpreter, heap.memory);
  heap.coroutine(0, kYieldFrom, 0x999);
  const std::uint64_t top = Heap::at(0) + heap.bpf.gen_iframe + heap.user.frame_stacktop;
  for (const std::int32_t depth : {0, -1, INT32_MAX, INT32_MIN, 1 << 20}) {
    heap.memory.put(top, depth);
    CHECK(reader.read(Heap::at(0))->awaits == 0);
  }
}

TEST_CASE("await chain: to its end, in a ring, and 100,000 deep", "[tasks]") {
  constexpr std::size_t kDeep = 100'000;
  Heap heap(kDeep + 1);
  const auto link = [&](std::size_t count, std::uint64_t last) {
    for (std::size_t i = 0; i < count; ++i) heap.coroutine(i, kYieldFrom, i + 1 < count ? Heap::at(i + 1) : last);
  };
  heap.memory.put(Heap::at(kDeep) + heap.bpf.obj_type, kOtherType);
  const auto chain = [&] {
    python::CodeCache codes(heap.memory, heap.interpreter.layout);
    python::AsyncioReader reader(heap.interpreter, heap.memory, codes);
    return python::read_await_chain(reader, Heap::at(0));
  };
  link(3, Heap::at(kDeep));
  CHECK(chain().links.size() == 3);
  CHECK(chain().target == Heap::at(kDeep));
  CHECK(chain().end == python::AwaitChain::End::unknown);

  link(1, Heap::at(0));
  CHECK(chain().links.size() == 1);
  CHECK(chain().end == python::AwaitChain::End::cyclic);
  for (const std::size_t length : {2, 16, 17, 18, 500}) {
    link(length, Heap::at(length / 2));
    const auto ring = chain();
    CHECK(ring.links.size() == length);
    CHECK(ring.end == python::AwaitChain::End::cyclic);
    CHECK(ring.target == 0);
  }
  link(kDeep, Heap::at(kDeep));
  const auto deep = chain();
  CHECK(deep.links.size() == python::kMaxAwaitDepth);
  CHECK(deep.end == python::AwaitChain::End::too_deep);
  CHECK(deep.target == 0);
}

TEST_CASE("containers: sizes that lie", "[tasks]") {
  FakeMemory memory;
  memory.add(0x1000, 0x1000);
  memory.add(0x4000, 0x1000);
  const auto& layout = *python::layout_for(0x030d00f0);
  const python::Objects objects(memory, layout);
  const auto set = [&](std::uint64_t mask) {
    memory.put(0x1000 + layout.user.set_mask, mask);
    memory.put(0x1000 + layout.user.set_table, std::uint64_t{0x4000});
    return python::set_items(objects, 0x1000);
  };
  memory.put(0x4000, std::uint64_t{0xa0});
  memory.put(0x4010, std::uint64_t{0xb0});
  memory.put(0x4018, std::int64_t{-1});  // a dummy
  memory.put(0x4030, std::uint64_t{0xc0});
  CHECK(set(7) == std::vector<std::uint64_t>{0xa0, 0xc0});
  CHECK(!set(6));
  CHECK(!set(~std::uint64_t{0}));
  CHECK(!set((std::uint64_t{1} << 40) - 1));
  CHECK(!set(1023));  // behind what can be read
  CHECK(!python::set_items(objects, 0));

  memory.put(0x1000 + layout.bpf.bytes_size, std::int64_t{INT64_MAX});
  memory.put(0x1000 + layout.user.list_items, std::uint64_t{0x4000});
  CHECK(!python::list_items(objects, 0x1000));
  CHECK(!python::tuple_items(objects, 0x1000));
  memory.put(0x1000 + layout.bpf.bytes_size, std::int64_t{-3});
  CHECK(!python::list_items(objects, 0x1000));
  memory.put(0x1000 + layout.bpf.bytes_size, std::int64_t{3});
  CHECK(python::list_items(objects, 0x1000) == std::vector<std::uint64_t>{0xa0, 0xb0});
}

TEST_CASE("page cache: reads each page once, across borders, and nothing that is not there", "[tasks]") {
  FakeMemory memory;
  memory.add(0x1000, 0x2000);
  memory.put(0x1ffc, std::uint64_t{0x1122334455667788});
  const proc::PageCache cache(memory);
  CHECK(cache.read<std::uint64_t>(0x1ffc) == 0x1122334455667788);
  CHECK(cache.pages_read() == 2);
  memory.put(0x1ffc, std::uint64_t{1});
  CHECK(cache.read<std::uint64_t>(0x1ffc) == 0x1122334455667788);
  CHECK(cache.pages_read() == 2);
  CHECK(!cache.read<std::uint64_t>(0x2ffc));
  CHECK(!cache.read<std::uint64_t>(0x5000));
  CHECK(!cache.read<std::uint64_t>(~std::uint64_t{0} - 3));
  cache.forget();
  CHECK(cache.read<std::uint64_t>(0x1ffc) == 1);
}

TEST_CASE("task tree: rings, several waiters, and 100,000 levels", "[tasks]") {
  const output::OutputContext context;
  CHECK(output::task_tree({}, context).empty());
  const auto ring = output::task_tree({row(1, "a", {2}), row(2, "b", {1}), row(3, "self", {3})}, context);
  REQUIRE(ring.size() == 5);
  CHECK(ring[0] == "a  work  waits for a future");
  CHECK(ring[1] == "└─ b  work  waits for a future");
  CHECK(ring[2] == "   └─ a  (cycle: awaited by the one above)");
  CHECK(ring[4] == "└─ self  (waits for itself)");

  const auto shared = output::task_tree({row(1, "a", {}), row(2, "b", {}), row(3, "both", {1, 2, 77})}, context);
  REQUIRE(shared.size() == 4);
  CHECK(shared[1] == "└─ both  work  waits for a future");
  CHECK(shared[3] == "└─ both  (see above)");

  std::vector<model::TaskRow> chain;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    chain.push_back(row(i + 1, "t", i == 0 ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{i}));
  }
  const auto lines = output::task_tree(chain, context);
  CHECK(lines.size() == chain.size());
  CHECK(std::ranges::max(lines, {}, &std::string::size).size() < 300);
}

TEST_CASE("task tree: siblings that read the same are one line, with what is below them", "[tasks]") {
  std::vector<model::TaskRow> tasks{row(1, "main", {}), row(2, "other", {1})};
  for (std::uint64_t i = 0; i < 4000; ++i) {
    tasks.push_back(row(100 + 2 * i, "session-" + std::to_string(i), {1}));
    tasks.back().coroutine = "session";
    tasks.push_back(row(101 + 2 * i, "reader-" + std::to_string(i), {100 + 2 * i}));
    tasks.back().waits_for.kind = model::TaskWaitKind::socket;
    tasks.back().waits_for.fd = static_cast<std::int32_t>(i);
  }
  // A task without children is of another kind; three are not many.
  for (std::uint64_t i = 0; i < 3; ++i) {
    tasks.push_back(row(10'000 + i, "few", {1}));
    tasks.back().coroutine = "few";
  }
  tasks.push_back(row(20'000, "session-x", {1}));
  tasks.back().coroutine = "session";
  output::OutputContext context;
  CHECK(output::task_tree(tasks, context) ==
        std::vector<std::string>{"main  work  waits for a future", "├─ other  work  waits for a future",
                                 "├─ session × 4,000  waits for a future  (session-0, …)",
                                 "│  └─ reader-0  work  waits for socket, fd 0", "├─ few  few  waits for a future",
                                 "├─ few  few  waits for a future", "├─ few  few  waits for a future",
                                 "└─ session-x  session  waits for a future"});
  context.verbose = true;
  CHECK(output::task_tree(tasks, context).size() == tasks.size());

  // Cycles are shown separately, and a task that several tasks await is named below each.
  std::vector<model::TaskRow> rings;
  for (std::uint64_t i = 0; i < 8; ++i) rings.push_back(row(i + 1, "r", {(i ^ 1) + 1}));
  CHECK(output::task_tree(rings, output::OutputContext{}).size() == 12);
  std::vector<model::TaskRow> shared{row(1, "all", {2, 3, 4, 5, 6})};
  for (std::uint64_t i = 2; i <= 6; ++i) shared.push_back(row(i, "w", {}));
  CHECK(output::task_tree(shared, output::OutputContext{}).size() == 10);
}

TEST_CASE("task text: names of others are cleaned and cut, waits are in words", "[tasks]") {
  const output::OutputContext context;
  auto hostile = row(1, "\x1b[31m" + std::string(100'000, 'x'), {});
  hostile.coroutine = "a\nb\u202e";
  const auto table = output::task_table({hostile}, context);
  REQUIRE(table.size() == 2);
  CHECK(table[1].size() < 400);
  CHECK(table[1].find('\x1b') == std::string::npos);
  CHECK(table[1].find('\n') == std::string::npos);

  model::TaskWait wait;
  wait.kind = model::TaskWaitKind::sleep;
  wait.left_ns = 3'200'000'000;
  CHECK(output::wait_text(wait) == "sleep, 3.20 s left");
  wait.left_ns = -5'000'000;
  CHECK(output::wait_text(wait) == "sleep, 5.00 ms overdue");
  model::TaskWait gather;
  gather.kind = model::TaskWaitKind::gather;
  gather.call = "asyncio.gather";
  gather.tasks = {1, 2};
  CHECK(output::wait_text(gather) == "gather of 2 tasks");
  model::TaskWait get;
  get.kind = model::TaskWaitKind::queue;
  get.call = "Queue.get";
  get.queue_size = 0;
  CHECK(output::wait_text(get) == "queue (Queue.get), 0 in it");
}

TEST_CASE("task JSON: one line, unknown is null, bytes that are no text are replaced", "[tasks]") {
  auto task = row(5, "q\"\\\n\xff", {1, 2});
  task.stack = {{.kind = model::Frame::Kind::python, .function = "f", .file = "", .line = 0}};
  CHECK(
      output::task_row_json(task) ==
      "{\"type\":\"task\",\"id\":5,\"pid\":0,\"tid\":null,\"name\":\"q\\\"\\\\\\n\xef\xbf\xbd\",\"state\":\"pending\","
      "\"coroutine\":\"work\",\"file\":null,\"line\":null,\"stack\":[{\"kind\":\"python\",\"function\":\"f\",\"file\":"
      "null,\"line\":null}],\"stack_cut\":false,\"waits_for\":{\"kind\":\"future\",\"call\":null,\"tasks\":[]},"
      "\"awaited_by\":[1,2],\"age_ns\":null,\"age_at_least_ns\":null}");
}
