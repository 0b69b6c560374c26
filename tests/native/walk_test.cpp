#include <cstring>

#include "tests/catch.h"
#include "tests/native/memory.h"

namespace aiotrace::testing {
namespace {

constexpr std::uint32_t kCoroutine = 0x80;  // CO_COROUTINE
constexpr std::uint8_t kOwnedByGenerator = 1;
constexpr std::uint64_t kFrames = 0x9000000;

std::uint64_t frame_at(std::size_t i) { return kFrames + i * 0x1000; }

int walk(FakePython& python) {
  host_process.layout = python.layout;
  return host_walk(FakePython::kTstate, FakePython::kFsBase);
}

std::size_t count_of(const Memory& memory, std::uint16_t type) {
  std::size_t count = 0;
  for (const auto& bytes : memory.records) {
    record head{};
    std::memcpy(&head, bytes.data(), sizeof(head));
    CHECK(head.size == bytes.size());
    count += head.type == type ? 1 : 0;
  }
  return count;
}

TEST_CASE("a walk: innermost first, each code object is sent once, the stack once") {
  for (const bool objects : {false, true}) {
    Memory memory;
    FakePython python(memory, objects);
    const auto inner = python.code("inner", "/app/a.py");
    const auto outer = python.code("outer", "/app/b.py");
    python.frame(frame_at(0), inner, frame_at(1), 10);
    python.frame(frame_at(1), outer, frame_at(2), 20);
    python.frame(frame_at(2), outer, 0, 30);
    python.top(frame_at(0));
    REQUIRE(walk(python) == 3);
    CHECK(host_frames()[0].lasti == 10);
    CHECK(host_frames()[1].lasti == 20);
    CHECK(host_frames()[2].lasti == 30);
    CHECK(host_frames()[1].code_id == host_frames()[2].code_id);
    CHECK(host_frames()[0].code_id != host_frames()[1].code_id);
    CHECK(host_stack_flags() == 0);
    CHECK(host_verdict() == HOST_NONE);
    CHECK(count_of(memory, RECORD_CODE) == 2);
    CHECK(count_of(memory, RECORD_STACK) == 1);
    for (const auto loss : host_losses) CHECK(loss == 0);
  }
}

TEST_CASE("a walk: frames of the interpreter itself are passed over") {
  Memory memory;
  FakePython python(memory);
  const auto code = python.code("f", "/app/a.py");
  constexpr std::uint8_t kShim = 3;
  python.frame(frame_at(0), code, frame_at(1));
  python.frame(frame_at(1), code, frame_at(2), 0, kShim);
  python.frame(frame_at(2), 0, frame_at(3));
  python.frame(frame_at(3), code, 0);
  python.top(frame_at(0));
  CHECK(walk(python) == 2);
  CHECK(host_stack_flags() == 0);
}

TEST_CASE("a walk: tag bits of a code reference (3.14) are no part of its address") {
  Memory memory;
  FakePython python(memory);
  python.layout.flags |= PY_TAGGED_REFS;
  const auto code = python.code("f", "/app/a.py");
  python.frame(frame_at(0), code, 0, 6);
  memory.put(frame_at(0) + python.layout.frame_code, code | 1);
  python.top(frame_at(0));
  REQUIRE(walk(python) == 1);
  CHECK(host_frames()[0].lasti == 6);
}

TEST_CASE("a walk: another first line makes the same address another code object") {
  Memory memory;
  FakePython python(memory);
  const auto code = python.code("f", "/app/a.py");
  python.frame(frame_at(0), code, 0);
  python.top(frame_at(0));
  REQUIRE(walk(python) == 1);
  const auto before = host_frames()[0].code_id;
  memory.put(code + python.layout.code_firstlineno, std::uint32_t{99});
  REQUIRE(walk(python) == 1);
  CHECK(host_frames()[0].code_id != before);
}

TEST_CASE("a walk: an endless list of frames ends at the limit, and says so") {
  for (const std::size_t period : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    Memory memory;
    FakePython python(memory);
    const auto code = python.code("f", "/app/a.py");
    for (std::size_t i = 0; i < period; ++i) python.frame(frame_at(i), code, frame_at((i + 1) % period));
    python.top(frame_at(0));
    CHECK(walk(python) == MAX_FRAMES);
    CHECK(host_stack_flags() == STACK_TOO_DEEP);
    CHECK(host_losses[LOSS_STACK_TOO_DEEP] == 1);
    CHECK(memory.reads < 4 * MAX_FRAMES);
  }
}

TEST_CASE("a walk: an endless list of frames that are passed over ends too") {
  Memory memory;
  FakePython python(memory);
  python.frame(frame_at(0), 0, frame_at(0));
  python.top(frame_at(0));
  CHECK(walk(python) == 0);
  CHECK(host_losses[LOSS_STACK_TOO_DEEP] == 1);
  CHECK(memory.reads < 4 * MAX_FRAMES);
}

TEST_CASE("a walk: 256 frames are whole, 257 are too many") {
  for (const std::size_t depth : {std::size_t{MAX_FRAMES}, std::size_t{MAX_FRAMES} + 1}) {
    Memory memory;
    FakePython python(memory);
    const auto code = python.code("f", "/app/a.py");
    for (std::size_t i = 0; i < depth; ++i) python.frame(frame_at(i), code, i + 1 < depth ? frame_at(i + 1) : 0);
    python.top(frame_at(0));
    CHECK(walk(python) == MAX_FRAMES);
    CHECK(host_stack_flags() == (depth > MAX_FRAMES ? STACK_TOO_DEEP : 0));
  }
}

TEST_CASE("a walk: what cannot be read ends the stack there, and is counted") {
  Memory memory;
  FakePython python(memory);
  const auto code = python.code("f", "/app/a.py");
  python.frame(frame_at(0), code, frame_at(1));
  python.frame(frame_at(1), code, 0xdead0000);
  python.top(frame_at(0));
  CHECK(walk(python) == 2);
  CHECK(host_stack_flags() == STACK_UNREADABLE);
  CHECK(host_losses[LOSS_STACK_UNREADABLE] == 1);
  python.frame(frame_at(1), 0xdead0000, 0);
  CHECK(walk(python) == 1);
  CHECK(host_stack_flags() == STACK_UNREADABLE);
}

TEST_CASE("a walk: with reads that fail at any point it ends, and never says more than there is") {
  int whole = 0;
  {
    Memory memory;
    FakePython python(memory);
    const auto code = python.code("f", "/app/a.py", kCoroutine);
    for (std::size_t i = 0; i < 4; ++i) python.frame(frame_at(i), code, i < 3 ? frame_at(i + 1) : 0);
    python.top(frame_at(0));
    REQUIRE(walk(python) == 4);
    whole = memory.reads;
  }
  for (int reads = 0; reads < whole; ++reads) {
    Memory memory;
    FakePython python(memory);
    const auto code = python.code("f", "/app/a.py", kCoroutine);
    for (std::size_t i = 0; i < 4; ++i) python.frame(frame_at(i), code, i < 3 ? frame_at(i + 1) : 0);
    python.top(frame_at(0));
    memory.fail_after = reads;
    const int frames = walk(python);
    INFO(reads << " of " << whole << " reads succeed");
    CHECK(frames <= 4);
    CHECK(memory.reads <= reads);
    if (frames > 0 && frames < 4) CHECK(host_stack_flags() == STACK_UNREADABLE);
  }
}

TEST_CASE("a walk: another thread's state is not taken for this one's") {
  Memory memory;
  FakePython python(memory);
  python.frame(frame_at(0), python.code("f", "/app/a.py"), 0);
  python.top(frame_at(0));
  CHECK(host_walk(FakePython::kTstate, FakePython::kFsBase + 0x1000) == 0);
  CHECK(host_walk(0, FakePython::kFsBase) == 0);
  CHECK(host_walk(0xdead0000, FakePython::kFsBase) == 0);
}

TEST_CASE("a walk: the loop's own frame, a callback and a coroutine each say what a poll is") {
  const std::string base = "/usr/lib/python3.11/asyncio/base_events.py";
  const std::string events = "/usr/lib/python3.11/asyncio/events.py";
  Memory memory;
  FakePython python(memory);
  const auto select = python.code("EpollSelector.select", "/usr/lib/python3.11/selectors.py");
  const auto once = python.code("BaseEventLoop._run_once", base);
  const auto handle = python.code("Handle._run", events);
  const auto coroutine = python.code("root", "/app/a.py", kCoroutine);
  const auto awaited = python.code("leaf", "/app/a.py", kCoroutine);

  python.frame(frame_at(0), select, frame_at(9));
  python.frame(frame_at(9), once, 0);
  python.top(frame_at(0));
  REQUIRE(walk(python) == 2);
  CHECK(host_verdict() == HOST_LOOP);

  python.frame(frame_at(0), select, frame_at(1));
  python.frame(frame_at(1), awaited, frame_at(2), 0, kOwnedByGenerator);
  python.frame(frame_at(2), coroutine, frame_at(3), 0, kOwnedByGenerator);
  python.frame(frame_at(3), handle, frame_at(9));
  REQUIRE(walk(python) == 5);
  CHECK(host_verdict() == HOST_NESTED);
  CHECK(host_root_coroutine() == frame_at(2) - python.layout.gen_iframe);
  CHECK(host_frames()[1].flags == FRAME_COROUTINE);
  CHECK(host_frames()[3].flags == 0);

  // A coroutine outside the loop's frames does not belong to the running callback.
  python.frame(frame_at(0), select, frame_at(3));
  python.frame(frame_at(9), once, frame_at(10));
  python.frame(frame_at(10), coroutine, 0, 0, kOwnedByGenerator);
  REQUIRE(walk(python) == 4);
  CHECK(host_verdict() == HOST_NESTED);
  CHECK(host_root_coroutine() == 0);
}

TEST_CASE("a walk: a full ring buffer is counted, and the code object is sent again later") {
  Memory memory;
  FakePython python(memory);
  python.frame(frame_at(0), python.code("f", "/app/a.py"), 0);
  python.top(frame_at(0));
  host_ring_full = 1;
  CHECK(walk(python) == 1);
  CHECK(memory.records.empty());
  CHECK(host_losses[LOSS_RING_FULL] == 2);
  host_ring_full = 0;
  CHECK(walk(python) == 1);
  CHECK(count_of(memory, RECORD_CODE) == 1);
  CHECK(count_of(memory, RECORD_STACK) == 1);
}

TEST_CASE("find_tstate: the thread by its fs base, in every interpreter; endless lists end") {
  Memory memory;
  FakePython python(memory);
  python.frame(frame_at(0), python.code("f", "/app/a.py"), 0);
  python.top(frame_at(0));
  constexpr std::uint64_t kOther = 0x50000;
  memory.map(kOther, 256);
  memory.put(FakePython::kInterpreter + python.layout.interp_threads_head, kOther);
  memory.put(kOther + python.layout.ts_next, FakePython::kTstate);
  memory.put(kOther + python.layout.ts_thread_id, std::uint64_t{1});
  CHECK(host_find_tstate(FakePython::kFsBase) == FakePython::kTstate);
  CHECK(host_find_tstate(12345) == 0);
  memory.put(FakePython::kTstate + python.layout.ts_next, kOther);
  CHECK(host_find_tstate(12345) == 0);
  memory.put(FakePython::kInterpreter + python.layout.interp_next, FakePython::kInterpreter);
  CHECK(host_find_tstate(12345) == 0);
  CHECK(memory.reads < 20000);
}

}  // namespace
}  // namespace aiotrace::testing
