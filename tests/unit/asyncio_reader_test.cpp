// The reader of asyncio's objects: tasks of any class, futures written in Python, and who can end a wait.
#include "python/asyncio_reader.h"

#include "fake_python.h"
#include "python/await_chain.h"
#include "python/suspects.h"
#include "python/waits.h"
#include "tests/catch.h"

using namespace aiotrace;
using python::AwaitChain;
using python::WaitEnd;
using python::WaitKind;
using testing::FakePython;

namespace {

constexpr const char* kLibrary = "/usr/lib/python3.14/";

/// A program with asyncio's classes written in Python, and tasks of a class of its own below them.
struct Program : FakePython {
  std::uint64_t loop = 0;
  python::CodeCache codes{memory, interpreter.layout};

  Program() {
    const std::uint64_t task = class_of("Task", {});
    const std::uint64_t future = class_of("Future", {});
    class_of("OwnTask", {class_of("Mixin", {}), task});
    loop = instance("Loop", {});
    class_of("Loop", {});
    import({{"asyncio.tasks", module(dict({{"_PyTask", task}, {"_CTask", task}}))},
            {"asyncio.futures", module(dict({{"_PyFuture", future}, {"_CFuture", future}}))},
            {"os", module_of(std::string(kLibrary) + "os.py", std::string(kLibrary) + "os.py")}});
  }
  std::uint64_t future() { return instance("Future", {{"_loop", loop}}); }
  /// The object that a coroutine awaits if it awaits this future.
  std::uint64_t await_of(std::uint64_t future) {
    return coroutine(std::string(kLibrary) + "asyncio/futures.py", "Future.__await__", {{"self", future}}, 0,
                     "generator");
  }
  std::uint64_t task(std::uint64_t coroutine_at, std::uint64_t waiter) {
    return instance("OwnTask",
                    {{"_loop", loop}, {"_coro", coroutine_at}, {"_fut_waiter", waiter}, {"_name", str("t")}});
  }
  python::AsyncioReader reader() { return {interpreter, memory, codes}; }
};

}  // namespace

TEST_CASE("asyncio reader: a task of a class in Python, whose first base is none", "[reader]") {
  Program program;
  const std::uint64_t future = program.future();
  const std::uint64_t root = program.coroutine("app.py", "work", {}, program.await_of(future));
  const std::uint64_t object = program.task(root, future);
  auto reader = program.reader();
  const auto task = reader.heap_future(object);
  REQUIRE(task);
  CHECK(task->task);
  CHECK(task->in_python);
  CHECK(task->pending());
  CHECK(task->coroutine == root);
  CHECK(task->waiter == future);
  CHECK(reader.futures().name_of(*task) == "t");
  CHECK(reader.futures().kind_of(future) == python::FutureKind::future);
  CHECK(reader.futures().kind_of(program.loop) == python::FutureKind::none);
  CHECK(reader.futures().problem().empty());
  program.memory.put(object, std::uint32_t{0});  // freed
  CHECK_FALSE(program.reader().heap_future(object));
}

TEST_CASE("asyncio reader: a chain ends in the future that Python's own __await__ yields", "[reader]") {
  Program program;
  const std::uint64_t future = program.future();
  const std::uint64_t root = program.coroutine("app.py", "work", {}, program.await_of(future));
  auto reader = program.reader();
  const auto chain = python::read_await_chain(reader, root);
  CHECK(chain.links.size() == 2);
  CHECK(chain.end == AwaitChain::End::future);
  CHECK(chain.target == future);
  // A generator of the program with the same name yields.
  const std::uint64_t own = program.coroutine("/home/me/asyncio/futures.py", "Future.__await__", {{"self", future}}, 0,
                                              "generator");
  const auto other = python::read_await_chain(reader, program.coroutine("app.py", "work", {}, own));
  CHECK(other.end == AwaitChain::End::turn);
  CHECK(other.target == 0);
}

TEST_CASE("asyncio reader: the coroutine of a task in Python is no orphan", "[reader]") {
  Program program;
  const std::uint64_t future = program.future();
  const std::uint64_t root = program.coroutine("app.py", "work", {}, program.await_of(future));
  const std::uint64_t object = program.task(root, future);
  auto reader = program.reader();
  python::Census census;
  census.coroutines.emplace(root, *reader.heap_coroutine(root));
  const auto without = python::find_suspects(reader, census, false);
  REQUIRE(without.all.size() == 1);
  CHECK(without.all[0].kind == python::Suspect::Kind::orphaned);
  census.futures.push_back(*reader.heap_future(object));
  const auto with = python::find_suspects(reader, census, false);
  REQUIRE(with.all.size() == 1);
  CHECK(with.all[0].kind == python::Suspect::Kind::stuck);
  CHECK(with.all[0].address == object);
  CHECK(python::still_suspect(reader, with.all[0]));
}

TEST_CASE("waits: wait_for() without a timeout is no deadline", "[reader]") {
  Program program;
  const auto end_with = [&](std::uint64_t timeout) {
    const std::uint64_t future = program.future();
    const std::uint64_t inner = program.coroutine("app.py", "work", {}, program.await_of(future));
    const std::uint64_t root = program.coroutine(std::string(kLibrary) + "asyncio/tasks.py", "wait_for",
                                                 {{"fut", inner}, {"timeout", timeout}}, inner);
    auto reader = program.reader();
    const auto task = reader.heap_future(program.task(root, future));
    return python::WaitReader(reader).end_of(*task, python::read_await_chain(reader, root));
  };
  CHECK(end_with(program.none) == WaitEnd::unknown);
  CHECK(end_with(program.object("float", 24)) == WaitEnd::timer);
}

TEST_CASE("waits: a package of the program's own that is called like asyncio", "[reader]") {
  Program program;
  const auto wait_in = [&](const std::string& file) {
    const std::uint64_t future = program.future();
    const std::uint64_t root = program.coroutine(file, "Lock.acquire", {}, program.await_of(future));
    auto reader = program.reader();
    const auto task = reader.heap_future(program.task(root, future));
    return python::WaitReader(reader).read(*task, python::read_await_chain(reader, root), 0);
  };
  CHECK(wait_in(std::string(kLibrary) + "asyncio/locks.py").kind == WaitKind::lock);
  CHECK(wait_in(std::string(kLibrary) + "asyncio/locks.py").call == "Lock.acquire");
  for (const char* file : {"/home/me/lib/asyncio/locks.py", "asyncio/locks.py",
                           "/usr/lib/python3.14/site-packages/redis/asyncio/locks.py"}) {
    INFO(file);
    CHECK(wait_in(file).kind == WaitKind::future);
    CHECK(wait_in(file).call.empty());
  }
}
