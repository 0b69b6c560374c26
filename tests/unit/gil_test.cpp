#include "python/gil.h"

#include "fake_python.h"
#include "python/process_config.h"
#include "tests/catch.h"

using namespace aiotrace;
using namespace aiotrace::python;

namespace {

// Of Python 3.11: one GIL, at an address that is known.
struct OldPython {
  static constexpr std::uint64_t kGil = 0x10000;
  testing::FakeMemory memory;
  Interpreter interpreter;

  OldPython() {
    interpreter.layout = *layout_for(0x030b02f0);
    interpreter.initialized = true;
    interpreter.gil_addr = kGil;
    memory.add(kGil, 0x1000);
  }
  const py_layout& layout() const { return interpreter.layout.bpf; }
};

}  // namespace

TEST_CASE("a futex is the GIL's from its first condition to the end of its last lock", "[python]") {
  const OldPython python;
  const auto gil_of = [&](std::uint64_t futex) { return gil_of_futex(python.interpreter, python.memory, futex); };
  const auto first = OldPython::kGil + python.layout().gil_cond;
  const auto last = OldPython::kGil + python.layout().gil_mutex + 40 + 48 + 40;  // pthread's mutex, cond, mutex
  CHECK(gil_of(first - 1) == 0);
  CHECK(gil_of(first) == OldPython::kGil);
  CHECK(gil_of(last - 1) == OldPython::kGil);
  CHECK(gil_of(last) == 0);
  auto starting = python.interpreter;
  starting.initialized = false;
  CHECK(gil_of_futex(starting, python.memory, first) == 0);
}

TEST_CASE("the GIL of each interpreter is found since 3.12", "[python]") {
  testing::FakePython python;
  auto& interpreter = python.interpreter;
  const auto& layout = interpreter.layout.bpf;
  const auto size = interpreter.layout.user.interp_size;
  const auto first = python.object("list", size), second = python.object("list", size);
  const auto gil = python.object("list", 1024);
  const auto head = python.object("list", 64);
  interpreter.initialized = true;
  interpreter.interpreters_head = head;
  python.memory.put(head, first);
  python.memory.put(first + layout.interp_next, second);
  python.memory.put(second + layout.interp_gil_ptr, gil);
  CHECK(gil_of_futex(interpreter, python.memory, gil + layout.gil_cond) == gil);
  CHECK(gil_of_futex(interpreter, python.memory, gil - 1) == 0);
}

TEST_CASE("who holds the GIL: nobody when it is not locked, or cannot be read", "[python]") {
  OldPython python;
  const auto holder = [&](std::uint64_t gil) { return gil_holder(python.interpreter, python.memory, gil); };
  python.memory.put(OldPython::kGil + python.layout().gil_last_holder, std::uint64_t{0x7000});
  CHECK(holder(OldPython::kGil) == 0);
  python.memory.put(OldPython::kGil + python.layout().gil_locked, std::int32_t{1});
  CHECK(holder(OldPython::kGil) == 0x7000);
  CHECK(holder(0x900000) == 0);
}

TEST_CASE("what BPF has to know of a process: nothing of its Python before that is there", "[python]") {
  CHECK(process_config_of(nullptr, 3).generation == 3);
  CHECK(process_config_of(nullptr, 3).flags == 0);

  Interpreter interpreter;
  interpreter.layout = *layout_for(0x030b02f0);
  interpreter.text_start = 1;
  interpreter.text_end = 2;
  interpreter.interpreters_head = 3;
  interpreter.gil_addr = 4;
  interpreter.current_tasks = 5;
  const auto starting = process_config_of(&interpreter, 1);
  CHECK(starting.flags == 0);
  CHECK(starting.text_start == 1);
  CHECK(starting.text_end == 2);
  CHECK(starting.interpreters_head == 0);

  interpreter.initialized = true;
  interpreter.greenlets.emplace().top_frame = 6;
  const auto config = process_config_of(&interpreter, 1);
  CHECK(config.flags == (PROCESS_PYTHON | PROCESS_GREENLETS));
  CHECK(config.interpreters_head == 3);
  CHECK(config.gil_addr == 4);
  CHECK(config.current_tasks == 5);
  CHECK(config.greenlets.top_frame == 6);
  CHECK(config.layout.ts_frame == interpreter.layout.bpf.ts_frame);

  interpreter.c_tasks = false;  // those of another implementation are not read
  CHECK(process_config_of(&interpreter, 1).current_tasks == 0);
}
