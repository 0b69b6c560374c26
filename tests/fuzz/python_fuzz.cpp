// Readers of CPython's memory, on wrong memory.
#include <unistd.h>

#include <cstring>

#include "proc/page_cache.h"
#include "python/await_chain.h"
#include "python/census.h"
#include "python/census_chains.h"
#include "python/code_cache.h"
#include "python/containers.h"
#include "python/debug_offsets.h"
#include "python/frames.h"
#include "python/heap_scan.h"
#include "python/line_table.h"
#include "python/loops.h"
#include "python/suspects.h"
#include "python/task_list.h"
#include "python/tasks.h"
#include "python/text.h"
#include "python/threads.h"
#include "python/waits.h"
#include "python/warnings.h"
#include "tests/fuzz/lying_memory.h"
#include "util/text.h"

namespace aiotrace::fuzz {
namespace {

const proc::Process& myself() {
  static const auto process = proc::Process::open(::getpid());
  require(process.has_value(), "this process can be looked at");
  return *process;
}

// ---- Objects

void fuzz_strings(Bytes bytes) {
  const Setting set(bytes);
  constexpr std::size_t kMost = 100;
  const auto text = python::read_text(set.memory, set.interpreter.layout, set.start, kMost);
  if (text) {
    require(valid_utf8(*text) == *text, "a str is UTF-8");
    require(text->size() <= 4 * kMost, "a str is no longer than asked for");
  }
  const auto raw = python::read_bytes(set.memory, set.interpreter.layout, set.start, kMost);
  require(!raw || raw->size() <= kMost, "a bytes object is no longer than asked for");
  const python::Objects objects(set.memory, set.interpreter.layout);
  use(objects.unsigned_int(set.start));
  use(python::float_value(objects, set.start));
  const auto name = objects.type_name(set.start);
  require(!name || name->size() <= 4096, "a type's name is bounded");
  use(objects.basicsize(set.start));
}

void fuzz_containers(Bytes bytes) {
  const Setting set(bytes);
  const python::Objects objects(set.memory, set.interpreter.layout);
  switch (set.extra % 8) {
    case 0:
      if (const auto entries = objects.entries(set.start, 1000)) {
        for (const auto& entry : *entries) use(objects.text(entry.key, 20));
      }
      break;
    case 1: use(objects.find(set.start, "asyncio.tasks", 1000)); break;
    case 2: use(objects.attribute(set.start, "_loop")); break;
    case 3: use(python::set_items(objects, set.start)); break;
    case 4: use(python::list_items(objects, set.start)); break;
    case 5: use(python::tuple_items(objects, set.start)); break;
    case 6: use(python::weak_set_items(objects, set.start)); break;
    default:
      use(python::slot_offset(objects, set.start, "_when"));
      use(objects.module_dict(set.start));
      use(python::set_length(objects, set.start));
      use(python::length_of(objects, set.start));
  }
}

const Registration strings({.name = "strings", .run = fuzz_strings, .seeds = memory_seeds});
const Registration containers({.name = "containers", .run = fuzz_containers, .seeds = memory_seeds});

// ---- Code objects

void fuzz_line_table(Bytes bytes) {
  Input input(bytes);
  const auto known = python::known_layouts();
  const auto version = known[input.byte() % known.size()].bpf.version;
  const auto first_line = static_cast<std::uint32_t>(input.number(4));
  const auto lasti = static_cast<std::int32_t>(input.number(4));
  const auto table = input.rest();
  use(python::line_of(version, table, first_line, lasti));
  for (std::int32_t at = -2; at < 64; at += 2) use(python::line_of(version, table, first_line, at));
}

std::vector<std::string> line_table_seeds() {
  std::vector<std::string> seeds;
  for (char version = 0; version < 9; ++version) {
    const std::string head = std::string(1, version) + std::string("\x0a\0\0\0\x04\0\0\0", 8);
    seeds.push_back(head + std::string("\0\x01\x08\x02\x06\xff\x0a\x01\xff\0\x04\x7f", 12));
    seeds.push_back(head +
                    std::string("\x80\0\xd8\x04\x08\xe0\x08\x0c\xf0\x03\x01\x05\x02\xea\x01\xf8\x81\x82\x03", 19));
  }
  return seeds;
}

void fuzz_code(Bytes bytes) {
  const Setting set(bytes);
  python::CodeCache codes(set.memory, set.interpreter.layout);
  if (const auto code = codes.find(set.start)) {
    require(code->lines.size() <= python::CodeCache::kMaxLineTable, "a line table is bounded");
    require(code->locals.size() <= python::CodeCache::kMaxLocals, "names of variables are bounded");
    require(valid_utf8(code->function) == code->function, "a function's name is UTF-8");
  }
  use(codes.line(set.start, static_cast<std::int32_t>(set.extra)));
  use(codes.line(set.start, -1));
}

const Registration line_table({.name = "line-table", .run = fuzz_line_table, .seeds = line_table_seeds});
const Registration code({.name = "code", .run = fuzz_code, .seeds = memory_seeds});

// ---- Offsets that the program itself contains

void fuzz_debug_offsets(Bytes bytes) {
  Input input(bytes);
  const auto split = input.number(2);
  const auto runtime = std::as_bytes(input.take(split));
  const auto section = std::as_bytes(input.take(python::kAsyncioDebugSize));
  const auto rest = input.rest();
  const auto header = python::debug_header(runtime);
  for (const auto& known : python::known_layouts()) {
    python::Layout layout = known;
    const bool applied = python::apply_debug_offsets(runtime, layout).has_value();
    require(applied || std::memcmp(&layout, &known, sizeof layout) == 0, "what is refused changes nothing");
    require(!applied || header.has_value(), "without a header nothing is applied");
    const python::Layout before = layout;
    const bool tasks = python::apply_asyncio_debug(section, layout).has_value();
    require(tasks || std::memcmp(&layout, &before, sizeof layout) == 0, "what is refused changes nothing");
    if (!applied && !tasks) continue;
    // And the accepted data is used.
    python::Interpreter interpreter = made_up_interpreter(0);
    interpreter.layout = layout;
    const LyingMemory memory(LyingMemory::Way::image, rest);
    use(python::read_stack(interpreter, memory, 0x10000));
    python::CodeCache codes(memory, interpreter.layout);
    python::AsyncioReader reader(interpreter, memory, codes);
    use(python::read_await_chain(reader, 0x10000));
  }
}

std::vector<std::string> debug_offsets_seeds() {
  // As 3.13.5 publishes them: the group's place, its values from the size on (tests/unit/debug_offsets_test.cpp).
  std::string runtime(584, '\0');
  const auto put = [&](std::size_t at, std::uint64_t value) { std::memcpy(runtime.data() + at, &value, 8); };
  std::memcpy(runtime.data(), "xdebugpy", 8);
  put(8, 0x030d05f0);
  const std::pair<std::size_t, std::vector<std::uint64_t>> groups[] = {
      {24, {283376, 608, 632}},
      {48, {194976, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0, 7768, 7760}},
      {152, {304, 0, 8, 16, 72, 152, 160, 232, 32}},
      {224, {80, 8, 0, 56, 72, 70}},
      {272, {208, 112, 120, 128, 136, 68, 52, 96, 104, 200}},
      {352, {16, 8}},
      {368, {416, 24, 88, 168}},
      {400, {32, 24, 16}},
      {424, {40, 24, 16}},
      {448, {48, 32, 40}},
      {488, {32, 16, 24}},
      {512, {40, 16, 32}},
      {536, {64, 32, 16, 40}},
      {568, {240, 200}},
  };
  for (const auto& [at, values] : groups) {
    for (std::size_t i = 0; i < values.size(); ++i) put(at + 8 * i, values[i]);
  }
  return {std::string("\x48\x02", 2) + runtime + std::string(104, '\x20') + memory_seeds().front()};
}

const Registration debug_offsets({.name = "debug-offsets", .run = fuzz_debug_offsets, .seeds = debug_offsets_seeds});

// ---- Walks

void fuzz_frames(Bytes bytes) {
  const Setting set(bytes);
  const auto stack = python::read_stack(set.interpreter, set.memory, set.start);
  require(stack.size() <= python::kMaxStack, "a stack is bounded");
  use(python::root_coroutine(stack));
  use(python::in_callback(stack));
  use(python::running_task_name(set.interpreter, set.memory, set.start, set.extra));
  use(python::python_threads(set.interpreter, myself(), set.memory));
  use(python::thread_names(set.interpreter, myself(), set.memory));
}

void fuzz_await_chain(Bytes bytes) {
  const Setting set(bytes);
  python::CodeCache codes(set.memory, set.interpreter.layout);
  python::AsyncioReader reader(set.interpreter, set.memory, codes);
  const auto chain = python::read_await_chain(reader, set.start);
  require(chain.links.size() <= python::kMaxAwaitDepth, "an await chain is bounded");
  python::WaitReader waits(reader);
  const auto found = waits.read({.object = set.start, .waiter = set.extra}, chain, 1'000'000);
  require(found.tasks.size() <= python::kMaxWaitedFor, "tasks that are waited for are bounded");
  use(waits.end_of({.object = set.start, .waiter = set.extra}, chain));
  use(python::read_loop(reader.objects(), set.start));
  python::TimerReader timers(reader.objects());
  use(timers.due_ns(set.start));
}

void fuzz_tasks(Bytes bytes) {
  const Setting set(bytes);
  python::FutureReader futures(set.interpreter, set.memory);
  use(futures.read(set.start));
  std::map<pid_t, python::PythonThread> threads{{1, {.tstate = set.start, .thread_id = 2}}};
  const auto found = python::find_tasks(set.interpreter, set.memory, futures, threads);
  require(found.tasks.size() <= python::kMaxTasks, "tasks are bounded");
  use(python::find_running(set.interpreter, futures, threads));
  if (set.extra % 4 == 0) {
    python::TaskReader reader(set.interpreter, myself(), set.memory);
    const auto snapshot = reader.read();
    std::vector<const python::Task*> tasks;
    if (snapshot) {
      for (const auto& task : snapshot->tasks) tasks.push_back(&task);
    }
    use(reader.read_again(tasks, 0).size());
  }
}

void fuzz_gc_lists(Bytes bytes) {
  const Setting set(bytes);
  python::CodeCache codes(set.memory, set.interpreter.layout);
  python::AsyncioReader reader(
      set.interpreter, set.memory, codes,
      {set.interpreter, set.memory, {.c_task = 0x1040, .c_future = 0x1050, .python_task = 0x1060, .python_future = 0}});
  proc::ResidentMemory resident;
  resident.ranges = {{0x10000, 0x10000 + std::uint64_t{set.extra}}};
  const auto types = python::heap_types(reader);
  const auto census = python::take_census(reader, set.memory, resident, types);
  const auto suspects = python::find_suspects(reader, census, types.foreign_scheduler);
  for (const auto& [place, example] : suspects.places)
    require(example.chain.size() <= python::kMaxHeapChain, "a chain is bounded");
  for (const auto& suspect : suspects.all) use(python::still_suspect(reader, suspect));
  use(python::dropped_coroutines(set.interpreter, set.memory));
}

const Registration frames({.name = "frames", .run = fuzz_frames, .seeds = memory_seeds});
const Registration await_chain({.name = "await-chain", .run = fuzz_await_chain, .seeds = memory_seeds});
const Registration tasks({.name = "tasks", .run = fuzz_tasks, .seeds = memory_seeds});
const Registration gc_lists({.name = "gc-lists", .run = fuzz_gc_lists, .seeds = memory_seeds});

}  // namespace
}  // namespace aiotrace::fuzz
