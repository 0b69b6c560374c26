#include "model/stacks.h"

#include "tests/catch.h"

using namespace aiotrace::model;

namespace {

Stack stack_of(const std::string& function, std::uint32_t line = 1) {
  return {{.kind = Frame::Kind::python, .function = function, .file = "a.py", .line = line},
          {.kind = Frame::Kind::python, .function = "main", .file = "a.py", .line = 9}};
}

}  // namespace

TEST_CASE("a stack is found under its process and id only", "[model]") {
  StackStore store;
  store.add(1, 7, stack_of("f"), true, false);
  REQUIRE(store.find(1, 7));
  CHECK(store.find(1, 7)->copy() == stack_of("f"));
  CHECK(store.find(1, 7)->unreadable);
  CHECK_FALSE(store.find(1, 7)->too_deep);
  CHECK_FALSE(store.find(2, 7));
  CHECK_FALSE(store.find(1, 8));
  store.add(1, 0, stack_of("f"));
  CHECK_FALSE(store.find(1, 0));
  store.add(1, 7, stack_of("g"));
  CHECK(store.find(1, 7)->copy() == stack_of("g"));
  CHECK(store.size() == 1);
}

TEST_CASE("stacks that read the same are one object, their frames too", "[model]") {
  StackStore store;
  store.add(1, 1, stack_of("f"));
  store.add(1, 2, stack_of("f"));
  store.add(2, 3, stack_of("f", 2));
  store.add(2, 4, stack_of("f"), false, true);
  CHECK(store.find(1, 1) == store.find(1, 2));
  CHECK(store.find(1, 1) != store.find(2, 3));
  CHECK(store.find(1, 1) != store.find(2, 4));
  CHECK(store.frame_count() == 3);
}

TEST_CASE("the stack not used for longest is forgotten first", "[model]") {
  StackStore store(2);
  store.add(1, 1, stack_of("a"));
  store.add(1, 2, stack_of("b"));
  const auto held = store.find(1, 2);
  CHECK(store.find(1, 1));
  store.add(1, 3, stack_of("c"));
  CHECK(store.size() == 2);
  CHECK(store.evicted() == 1);
  CHECK(store.find(1, 1));
  CHECK_FALSE(store.find(1, 2));
  CHECK(held->copy() == stack_of("b"));
}

TEST_CASE("a process is forgotten with its frames", "[model]") {
  StackStore store;
  store.add(1, 1, stack_of("a"));
  store.add(2, 1, stack_of("b"));
  store.forget(1);
  CHECK_FALSE(store.find(1, 1));
  CHECK(store.find(2, 1)->copy() == stack_of("b"));
  CHECK(store.size() == 1);
  CHECK(store.frame_count() == 2);
}

TEST_CASE("frames of evicted stacks do not pile up", "[model]") {
  StackStore store(10);
  for (std::uint32_t i = 1; i <= 50'000; ++i) store.add(1, i, stack_of("f" + std::to_string(i), i));
  CHECK(store.size() == 10);
  CHECK(store.evicted() == 49'990);
  CHECK(store.frame_count() < 5'000);
}
