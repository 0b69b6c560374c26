// All data that is read from an interpreter, compared with the program's own account, on every installed Python.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

#include "child.h"
#include "proc/process.h"
#include "python/interpreter.h"
#include "python/objects.h"
#include "python/text.h"
#include "python/threads.h"
#include "python/wake_up.h"
#include "tests/catch.h"

using namespace aiotrace;
using nlohmann::json;
using python::Interpreter;
using python::kNoOffset;
using testing::Child;
using testing::Python;

namespace {

struct Target {
  const proc::Process& process;
  const proc::LiveMemory& memory;
  const Interpreter& interpreter;
  python::Objects objects{memory, interpreter.layout};

  [[nodiscard]] std::uint64_t pointer(std::uint64_t object, std::uint32_t offset) const {
    REQUIRE(offset != kNoOffset);
    return memory.read<std::uint64_t>(object + offset).value_or(0);
  }
  [[nodiscard]] std::string text(std::uint64_t object, std::uint32_t offset) const {
    return objects.text(pointer(object, offset)).value_or("(unreadable)");
  }
};

void check_code(const Target& target, const json& said) {
  const py_layout& bpf = target.interpreter.layout.bpf;
  const std::uint64_t code = said["code"];
  CHECK(target.text(code, bpf.code_name) == said["code_name"]);
  CHECK(target.text(code, bpf.code_filename) == said["filename"]);
  if (bpf.code_qualname != kNoOffset) CHECK(target.text(code, bpf.code_qualname) == said["code_qualname"]);
  CHECK(target.memory.read<std::int32_t>(code + bpf.code_firstlineno) == said["firstlineno"].get<int>());
  CHECK(target.memory.read<std::int32_t>(code + bpf.code_flags) == said["flags"].get<int>());
  const auto table = python::read_bytes(target.memory, target.interpreter.layout,
                                        target.pointer(code, bpf.code_linetable), 4096);
  REQUIRE(table);
  std::string hex;
  for (const unsigned char byte : *table) hex += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  CHECK(hex == said["linetable"]);
}

void check_wake_up(const Target& target, const json& said) {
  python::CodeCache codes(target.memory, target.interpreter.layout);
  python::AsyncioReader reader(target.interpreter, target.memory, codes);
  const auto woken = python::woken_by(reader, said["future"]);
  REQUIRE(woken);
  CHECK(woken->object == said["waiter"]);
  // A task's own end wakes nobody here; and the same for an object that is no future.
  CHECK_FALSE(python::woken_by(reader, said["waiter"]));
  CHECK_FALSE(python::woken_by(reader, said["code"]));
  CHECK_FALSE(python::woken_by(reader, 0));
}

void check_coroutine(const Target& target, const json& said) {
  const auto& layout = target.interpreter.layout;
  const std::uint64_t coroutine = said["coroutine"];
  CHECK(target.text(coroutine, layout.bpf.gen_name) == said["name"]);
  CHECK(target.text(coroutine, layout.bpf.gen_qualname) == said["qualname"]);
  CHECK(target.objects.type_name(*target.objects.type_of(coroutine)) == "coroutine");
  if (layout.bpf.version < 0x030b0000) {
    const std::uint64_t frame = target.pointer(coroutine, layout.user.coro_frame);
    CHECK(target.pointer(frame, layout.bpf.frame_code) == said["code"]);
    CHECK(target.pointer(frame, layout.bpf.frame_gen) == coroutine);
    CHECK(target.memory.read<std::int32_t>(frame + layout.bpf.frame_instr).value_or(-1) >= 0);
    return;
  }
  const std::uint64_t frame = coroutine + layout.bpf.gen_iframe;
  const std::uint64_t mask = layout.bpf.flags & PY_TAGGED_REFS ? ~3ull : ~0ull;
  CHECK((target.pointer(frame, layout.bpf.frame_code) & mask) == said["code"]);
  CHECK(target.memory.read<std::uint8_t>(frame + layout.bpf.frame_owner) == 1);
  CHECK(layout.bpf.frame_owner_shim > 1);
  // The frame is in the call that waits for the test: its instruction is inside the code.
  const std::uint64_t bytecode = said["code"].get<std::uint64_t>() + layout.bpf.code_bytecode;
  const std::uint64_t instruction = target.pointer(frame, layout.bpf.frame_instr);
  CHECK(instruction >= bytecode);
  CHECK(instruction < bytecode + said["bytecode_size"].get<std::uint64_t>());
}

void check_task(const Target& target, const json& said) {
  const auto& [process, memory, interpreter, objects] = target;
  const py_layout& bpf = interpreter.layout.bpf;
  const std::uint64_t task = said["task"];
  CHECK(bpf.task_size == said["task_size"]);
  CHECK(interpreter.note.empty());
  CHECK(target.pointer(task, bpf.task_coro) == said["coroutine"]);
  CHECK(target.text(task, bpf.task_name) == said["task_name"]);
  CHECK(memory.read<std::int32_t>(task + interpreter.layout.user.task_state) == 0);
  if (bpf.version >= 0x030e0000) {
    CHECK(interpreter.current_tasks == 0);
    REQUIRE(interpreter.asyncio_debug != 0);
    const auto threads = python::python_threads(interpreter, process, memory);
    CHECK(target.pointer(threads.at(process.pid()).tstate, bpf.ts_running_task) == task);
    return;
  }
  CHECK(interpreter.current_tasks == said["current_tasks"]);
  const auto entries = objects.entries(interpreter.current_tasks);
  REQUIRE(entries);
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().key == target.pointer(task, interpreter.layout.user.task_loop));
  CHECK(entries->front().value == task);
}

void check_threads(const Target& target, const json& said) {
  const auto names = python::thread_names(target.interpreter, target.process, target.memory);
  CHECK(names.size() == said["threads"].size());
  for (const auto& [ns_tid, name] : said["threads"].items()) {
    const pid_t tid = target.process.tids_by_ns_tid().at(std::stoi(ns_tid));
    REQUIRE(names.contains(tid));
    CHECK(names.at(tid) == name);
  }
}

void check_state(const Target& target) {
  const auto& [process, memory, interpreter, objects] = target;
  const auto& [bpf, user] = interpreter.layout;
  CHECK(memory.read<std::uint64_t>(interpreter.interpreters_head) == interpreter.main_interpreter);

  const std::uint64_t gil = bpf.interp_gil_ptr == kNoOffset
                                ? interpreter.gil_addr
                                : target.pointer(interpreter.main_interpreter, bpf.interp_gil_ptr);
  CHECK((bpf.interp_gil_ptr == kNoOffset) == (interpreter.gil_addr != 0));
  // All threads wait: nobody holds it, and the last holder is a thread of this interpreter.
  CHECK(memory.read<std::int32_t>(gil + bpf.gil_locked) == 0);
  const auto threads = python::python_threads(interpreter, process, memory);
  const std::uint64_t holder = target.pointer(gil, bpf.gil_last_holder);
  CHECK(std::ranges::any_of(threads, [&](const auto& entry) { return entry.second.tstate == holder; }));
  CHECK(python::uses_gil(interpreter, memory) == !interpreter.free_threaded);
  CHECK(bpf.gil_cond < bpf.gil_mutex);

  const std::uint64_t gc = bpf.interp_gc == kNoOffset ? interpreter.gc_addr
                                                      : interpreter.main_interpreter + bpf.interp_gc;
  CHECK((bpf.interp_gc == kNoOffset) == (interpreter.gc_addr != 0));
  CHECK(memory.read<std::int32_t>(gc + bpf.gc_collecting) == 0);
  // Without a GIL the collector has no lists.
  for (std::uint32_t i = 0; i < 3 && !interpreter.free_threaded; ++i) {
    const std::uint64_t head = gc + user.gc_generations + i * user.gc_generation_size;
    const std::uint64_t next = target.pointer(head, 0) & ~3ull;
    CHECK((target.pointer(next, 8) & ~3ull) == head);
  }
  CHECK(interpreter.text_start < interpreter.text_end);
}

void compare_with(const Python& python) {
  if (python.command.empty()) AIOTRACE_SKIP("no Python " + python.version + ": " + python.origin);
  auto command = python.command;
  command.insert(command.end(), {"-I", "-X", "utf8", "tests/unit/python_live_target.py"});
  Child child(command);
  const json first = json::parse(child.line());
  const auto process = proc::Process::open(child.pid());
  REQUIRE(process);
  const proc::LiveMemory memory(child.pid());
  auto maps = proc::Maps::read(child.pid());
  REQUIRE(maps);
  auto interpreter = python::inspect(*process, *maps, memory);
  if (!interpreter) FAIL(interpreter.error().message());
  CHECK(interpreter->version_text == first["version"].get<std::string>() + (interpreter->free_threaded ? "t" : ""));
  CHECK(interpreter->version_text == python.version);
  CHECK(interpreter->layout.bpf.version == interpreter->version_hex);
  CHECK(interpreter->initialized);
  CHECK(interpreter->free_threaded == python.version.ends_with('t'));
  CHECK(!interpreter->uvloop);
  CHECK(interpreter->asyncio_loaded == first["asyncio"]);
  CHECK(interpreter->current_tasks == 0);
  if (interpreter->asyncio_debug == 0) CHECK(interpreter->layout.bpf.ts_running_task == kNoOffset);
  CHECK(!python::refresh(*interpreter, *process, *maps, memory));

  child.send_line();
  const json said = json::parse(child.line());
  maps = proc::Maps::read(child.pid());
  REQUIRE(maps);
  const bool changed = python::refresh(*interpreter, *process, *maps, memory);
  if (interpreter->version_hex < 0x030e0000) CHECK(changed);
  CHECK(interpreter->asyncio_loaded);

  const Target target{*process, memory, *interpreter};
  check_code(target, said);
  check_coroutine(target, said);
  check_wake_up(target, said);
  check_task(target, said);
  check_threads(target, said);
  check_state(target);
  for (const json& text : said["texts"]) CHECK(target.objects.text(text[0]) == text[1].get<std::string>());

  // One inspection of a complete program gives the same as two.
  const auto again = python::inspect(*process, *maps, memory);
  REQUIRE(again);
  CHECK(again->current_tasks == interpreter->current_tasks);
  CHECK(again->asyncio_debug == interpreter->asyncio_debug);
  CHECK(std::memcmp(&again->layout, &interpreter->layout, sizeof again->layout) == 0);
}

// cat returns a line as soon as it runs: until then the child is a copy of this program, or has no mappings at all.
void wait_for_cat(Child& child) {
  child.send_line();
  (void)child.line();
}

python::NoPython why(const std::vector<std::string>& command, std::string& message) {
  Child child(command);
  if (command.size() > 1)
    CHECK(!child.line().empty());
  else
    wait_for_cat(child);
  const auto process = proc::Process::open(child.pid());
  REQUIRE(process);
  const auto maps = proc::Maps::read(child.pid());
  REQUIRE(maps);
  const auto interpreter = python::inspect(*process, *maps, proc::LiveMemory(child.pid()));
  REQUIRE(!interpreter);
  message = interpreter.error().message();
  return interpreter.error().why;
}

}  // namespace

TEST_CASE("interpreter: a program that is no Python", "[interpreter]") {
  std::string message;
  CHECK(why({"cat"}, message) == python::NoPython::not_python);
  CHECK_THAT(message, Catch::Matchers::ContainsSubstring("it runs no CPython"));
}

TEST_CASE("interpreter: a Python before 3.8 is refused by name", "[interpreter][python]") {
  const auto older = testing::older_pythons();
  if (older.empty()) AIOTRACE_SKIP("no Python before 3.8 on this machine");
  for (const Python& python : older) {
    auto command = python.command;
    command.insert(command.end(), {"-c", "import sys; print(1); sys.stdout.flush(); sys.stdin.readline()"});
    std::string message;
    CHECK(why(command, message) == python::NoPython::unknown);
    const std::string minor = python.version.substr(0, python.version.rfind('.'));
    CHECK_THAT(message, Catch::Matchers::ContainsSubstring("CPython " + minor) &&
                            Catch::Matchers::ContainsSubstring(
                                "is not known (supported are 3.8 to 3.15 with the GIL, and 3.13 without)"));
  }
}

TEST_CASE("interpreter: one that has ended", "[interpreter]") {
  Child child({"cat"});
  wait_for_cat(child);
  const auto process = proc::Process::open(child.pid());
  const auto maps = proc::Maps::read(child.pid());
  REQUIRE((process && maps));
  child.kill_only();
  const auto interpreter = python::inspect(*process, *maps, proc::LiveMemory(child.pid()));
  REQUIRE(!interpreter);
  CHECK(interpreter.error().why == python::NoPython::unreadable);
}

TEST_CASE("interpreter: version names", "[interpreter]") {
  CHECK(python::version_name(0x030b07f0) == "3.11.7");
  CHECK(python::version_name(0x030f00c1) == "3.15.0rc1");
  CHECK(python::version_name(0x030e00b2) == "3.14.0b2");
}

AIOTRACE_TEST_CASES(interpreters) {
  for (const Python& python : testing::pythons()) {
    testing::add_test_case("interpreter: read as it says itself, Python " + python.title(), "[interpreter][python]",
                           [&python] { compare_with(python); });
  }
}
