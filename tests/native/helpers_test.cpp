#include <cstring>

#include "model/histogram.h"
#include "tests/catch.h"
#include "tests/native/memory.h"

namespace aiotrace::testing {
namespace {

constexpr std::uint64_t kAt = 0x5000;

TEST_CASE("hist_bucket: eight steps an octave, as user space counts them") {
  for (std::uint64_t ns = 0; ns < 8; ++ns) CHECK(host_hist_bucket(ns) == ns);
  CHECK(host_hist_bucket(8) == (3u << 3));
  CHECK(host_hist_bucket(15) == (3u << 3 | 7));
  CHECK(host_hist_bucket(16) == (4u << 3));
  CHECK(host_hist_bucket(50'000'000) == (25u << 3 | 3));  // 2^25 is 33.5 million, a step 4.19
  CHECK(host_hist_bucket(~std::uint64_t{0}) == HIST_BUCKETS - 1);
  std::uint32_t last = 0;
  bool rises = true;
  bool agrees = true;
  for (int octave = 0; octave < 64; ++octave) {
    for (std::uint64_t step = 0; step < 16; ++step) {
      const std::uint64_t ns = (std::uint64_t{1} << octave) + (octave > 4 ? step << (octave - 4) : 0);
      const auto bucket = host_hist_bucket(ns);
      rises = rises && bucket >= last && bucket < HIST_BUCKETS;
      agrees = agrees && bucket == model::histogram_bucket(ns);
      last = bucket;
    }
  }
  CHECK(rises);
  CHECK(agrees);
}

TEST_CASE("fd_in_poll: the first descriptor; none without an array, a count or the right to read") {
  Memory memory;
  memory.map(kAt, 16);
  memory.put(kAt, std::int32_t{17});
  memory.put(kAt + 8, std::int32_t{18});
  CHECK(host_fd_in_poll(kAt, 2) == 17);
  CHECK(host_fd_in_poll(kAt, 0) == -1);
  CHECK(host_fd_in_poll(0, 1) == -1);
  CHECK(host_fd_in_poll(kAt + 12, 1) == -1);
}

TEST_CASE("fd_in_set: the first word with a descriptor, and where it begins") {
  Memory memory;
  memory.map(kAt, 128);
  CHECK(host_fd_in_set(1024, kAt) == -1);
  memory.put(kAt + 5 * 8, std::uint64_t{1} << 9);
  CHECK(host_fd_in_set(1024, kAt) == 329);
  // select's first argument bounds the set, in words: words behind it are not part of it.
  CHECK(host_fd_in_set(320, kAt) == -1);
  CHECK(host_fd_in_set(321, kAt) == 329);
  CHECK(host_fd_in_set(1024, 0) == -1);
}

TEST_CASE("fd_in_set: bounded, whatever the count, and safe where nothing can be read") {
  Memory memory;
  memory.map(kAt, 4096);
  CHECK(host_fd_in_set(~std::uint64_t{0}, kAt) == -1);
  CHECK(memory.reads == 16);
  memory.unmap(kAt);
  CHECK(host_fd_in_set(1024, kAt) == -1);
}

TEST_CASE("lowest_bit") {
  for (int bit = 0; bit < 64; ++bit) {
    CHECK(host_lowest_bit(std::uint64_t{1} << bit) == bit);
    CHECK(host_lowest_bit(~std::uint64_t{0} << bit) == bit);
  }
}

// state of a compact str: kind in bits 2 to 4
constexpr std::uint32_t state_of(std::uint32_t kind, bool ascii, bool compact = true) {
  return kind << 2 | (compact ? 1u << 5 : 0) | (ascii ? 1u << 6 : 0);
}

struct Str {
  Memory memory;
  FakePython python{memory};
  text out{};
  Str(std::uint64_t length, std::uint32_t state, std::size_t room = 8192) {
    memory.map(kAt, room);
    memory.put(kAt + python.layout.unicode_length, length);
    memory.put(kAt + python.layout.unicode_state, state);
    for (std::uint64_t i = 0; i < 1024 && i + 64 < room; ++i)
      memory.put(kAt + 56 + i, static_cast<std::uint8_t>('a' + i % 26));
  }
  std::uint32_t copy(std::uint32_t at = 0, std::uint64_t object = kAt) {
    return host_copy_text(&out, at, object, &python.layout);
  }
};

TEST_CASE("copy_text: ASCII, Latin-1, two and four bytes a character") {
  {
    Str str(5, state_of(1, true));
    str.memory.write(kAt + str.python.layout.unicode_ascii_data, "hello", 5);
    CHECK(str.copy(10) == 5);
    CHECK(std::memcmp(host_texts() + 10, "hello", 5) == 0);
    CHECK(str.out.length == 5);
    CHECK(str.out.width == 1);
    CHECK(str.out.flags == 0);
  }
  for (const std::uint32_t width : {1u, 2u, 4u}) {
    Str str(3, state_of(width, false));
    CHECK(str.copy() == 3 * width);
    CHECK(str.out.width == width);
    CHECK(str.out.bytes == 3 * width);
    CHECK(std::memcmp(host_texts(), "abcdefghijkl", 3 * width) == 0);
  }
}

TEST_CASE("copy_text: what is longer than a record takes is cut and said so, a huge length too") {
  for (const std::uint64_t length : {std::uint64_t{TEXT_MAX + 1}, std::uint64_t{1} << 33, ~std::uint64_t{0}}) {
    for (const std::uint32_t width : {1u, 2u, 4u}) {
      Str str(length, state_of(width, false));
      CHECK(str.copy() == TEXT_MAX);
      CHECK(str.out.flags == TEXT_CUT);
      CHECK(str.out.length == std::min<std::uint64_t>(length, 0xffffffff));
    }
  }
  Str whole(TEXT_MAX / 4, state_of(4, false));
  CHECK(whole.copy() == TEXT_MAX);
  CHECK(whole.out.flags == 0);
}

TEST_CASE("copy_text: what is no compact str, or cannot be read, has width 0") {
  CHECK(Str(3, state_of(3, false)).copy() == 0);
  CHECK(Str(3, state_of(0, false)).copy() == 0);
  CHECK(Str(3, state_of(1, true, false)).copy() == 0);
  CHECK(Str(3, state_of(1, true)).copy(0, 0) == 0);
  CHECK(Str(3, state_of(1, true)).copy(0, 0xdead0000) == 0);
  CHECK(Str(3, state_of(1, true)).copy(TEXT_MAX + 1) == 0);
  {
    Str torn(100, state_of(1, true), 80);
    CHECK(torn.copy() == 0);
    CHECK(torn.out.width == 0);
  }
  for (const int reads : {0, 1, 2}) {
    Str failing(3, state_of(1, true));
    failing.memory.fail_after = failing.memory.reads + reads;
    CHECK(failing.copy() == 0);
    CHECK(failing.out.width == 0);
  }
  Str empty(0, state_of(1, true));
  CHECK(empty.copy() == 0);
  CHECK(empty.out.width == 1);
}

TEST_CASE("classify_code: asyncio's own frames, qualified or not, and nothing that only looks like them") {
  const char* base = "/usr/lib/python3.11/asyncio/base_events.py";
  const char* events = "/usr/lib/python3.11/asyncio/events.py";
  CHECK(host_classify("BaseEventLoop._run_once", 1, base, 1) == HOST_RUN_LOOP);
  CHECK(host_classify("_run_once", 1, base, 1) == HOST_RUN_LOOP);
  CHECK(host_classify("BaseEventLoop.run_forever", 1, base, 1) == HOST_RUN_LOOP);
  CHECK(host_classify("Handle._run", 1, events, 1) == HOST_HANDLE_RUN);
  CHECK(host_classify("_run", 1, events, 1) == HOST_HANDLE_RUN);

  CHECK(host_classify("BaseEventLoop.run_until_complete", 1, base, 1) == HOST_PLAIN);
  CHECK(host_classify("BaseEventLoop._run_once", 1, events, 1) == HOST_PLAIN);
  CHECK(host_classify("Handle._run", 1, base, 1) == HOST_PLAIN);
  CHECK(host_classify("Handle._run", 1, "/app/events.py", 1) == HOST_PLAIN);
  CHECK(host_classify("Handle._run", 1, "events.py", 1) == HOST_PLAIN);
  CHECK(host_classify("Handle.cancel", 1, events, 1) == HOST_PLAIN);
  CHECK(host_classify("_run_once", 1, "/app/my_events.py", 1) == HOST_PLAIN);
  CHECK(host_classify("run", 1, events, 1) == HOST_PLAIN);
  CHECK(host_classify("", 1, events, 1) == HOST_PLAIN);
  CHECK(host_classify("_run", 1, "", 1) == HOST_PLAIN);
  CHECK(host_classify("_run", 2, events, 1) == HOST_PLAIN);
  CHECK(host_classify("_run", 1, events, 2) == HOST_PLAIN);
}

std::int32_t instruction(std::uint64_t value, std::uint32_t flags, std::uint64_t code = 0x10000) {
  Memory memory;
  FakePython python(memory, (flags & PY_FRAME_OBJECTS) != 0);
  python.layout.flags = flags;
  std::uint8_t frame[120] = {};
  std::memcpy(frame + python.layout.frame_instr, &value, sizeof(value));
  return host_last_instruction(frame, sizeof(frame), code, &python.layout);
}

TEST_CASE("last_instruction: a byte offset in every version; -1 where none has run") {
  CHECK(instruction(0x10000 + 192 + 24, 0) == 24);
  CHECK(instruction(0x10000 + 192, 0) == 0);
  CHECK(instruction(0x10000 + 190, 0) == -1);
  CHECK(instruction(0, 0) == -1);
  CHECK(instruction(~std::uint64_t{0}, 0) == -1);
  CHECK(instruction(std::uint64_t{1} << 40, 0) == -1);
  CHECK(instruction(24, PY_FRAME_OBJECTS) == 24);
  CHECK(instruction(24, PY_FRAME_OBJECTS | PY_LASTI_IN_UNITS) == 48);
  CHECK(instruction(0, PY_FRAME_OBJECTS | PY_LASTI_IN_UNITS) == 0);
  CHECK(instruction(0xffffffff, PY_FRAME_OBJECTS) == -1);
  CHECK(instruction(0xffffffff, PY_FRAME_OBJECTS | PY_LASTI_IN_UNITS) == -1);
}

// One interpreter with a running collection; the test chooses the holder of the GIL.
struct Collecting {
  static constexpr std::uint64_t kGil = 0x6000;
  static constexpr std::uint64_t kGc = 0x7000;
  Memory memory;
  FakePython python{memory};
  Collecting() {
    host_process.gil_addr = kGil;
    host_process.gc_addr = kGc;
    py_layout& layout = host_process.layout;
    layout.gil_last_holder = 8;
    layout.gil_locked = 16;
    layout.gc_collecting = 24;
    memory.map(kGil, 64);
    memory.map(kGc, 64);
    set(1);
  }
  void set(std::int32_t collecting) { memory.put(kGc + 24, collecting); }
  void give_gil(std::uint64_t to) {
    memory.put(kGil + 8, to);
    memory.put(kGil + 16, std::int32_t{to != 0});
  }
};

TEST_CASE("collects: a thread that has the GIL while somebody collects, until it goes on elsewhere") {
  Collecting target;
  target.give_gil(FakePython::kTstate);
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 1);
  CHECK(host_collects(FakePython::kTstate, 78, 7) == 1);  // a finalizer
  CHECK(host_collects(FakePython::kTstate, 79, 5) == 0);
  target.set(0);
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 0);
}

TEST_CASE("collects: a thread without the GIL computes in C while another one collects") {
  Collecting target;
  target.give_gil(0x8888);
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 0);
  target.give_gil(0);
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 0);
  // A GIL that it did not have at the beginning does not count later.
  target.give_gil(FakePython::kTstate);
  CHECK(host_collects(FakePython::kTstate, 78, 5) == 1);
}

TEST_CASE("collects: without a GIL whoever runs while there is a collection does it") {
  Collecting target;
  host_process.gil_addr = 0;
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 0);
  host_process.layout.flags |= PY_FREE_THREADED;
  CHECK(host_collects(FakePython::kTstate, 77, 5) == 1);
}

}  // namespace
}  // namespace aiotrace::testing

TEST_CASE("a thread is found by its tid, also when another has the same lower bits", "[threads]") {
  host_reset();
  CHECK(host_find_thread(5) == 0);
  host_add_thread(5);
  host_add_thread(0x10005);
  host_add_thread(4194303);  // the largest there is
  CHECK(host_find_thread(5) == 5);
  CHECK(host_find_thread(0x10005) == 0x10005);
  CHECK(host_find_thread(0x20005) == 0);
  CHECK(host_find_thread(6) == 0);
  CHECK(host_find_thread(4194303) == 4194303);
  // Its slot is returned: the thread with the same position is found as before.
  host_give_back_slot(0x10005);
  CHECK(host_find_thread(5) == 5);
}
