// Code objects by id, and how much of them a program can make aiotrace store.
#include "app/code_store.h"

#include <string>

#include "tests/catch.h"

using namespace aiotrace;

namespace {

model::CodeSeen code(std::uint64_t id, std::string function) {
  model::CodeSeen seen;
  seen.head.pid = 7;
  seen.code_id = id;
  seen.function = std::move(function);
  seen.file = "app.py";
  seen.first_line = 12;
  return seen;
}

}  // namespace

TEST_CASE("a code object is found by process and id, another one is \"?\"", "[app]") {
  app::CodeStore store;
  REQUIRE(store.add(code(1, "Handler.get"), nullptr, nullptr));
  CHECK(store.resolve(7, {.code_id = 1, .lasti = 4}).function == "Handler.get");
  CHECK(store.resolve(7, {.code_id = 1, .lasti = 4}).file == "app.py");
  CHECK(store.resolve(7, {.code_id = 2, .lasti = 4}).function == "?");
  CHECK(store.resolve(8, {.code_id = 1, .lasti = 4}).function == "?");
  REQUIRE(store.definition(7, 1));
  CHECK(store.definition(7, 1)->first_line == 12);
  store.forget(7);
  CHECK(store.resolve(7, {.code_id = 1, .lasti = 4}).function == "?");
}

TEST_CASE("names of a program that makes ever more of them are bounded in memory", "[app]") {
  app::CodeStore store;
  const std::string long_name(std::size_t{1} << 20, 'x');
  std::size_t kept = 0;
  for (std::uint64_t id = 1; id <= 80; id++) kept += store.add(code(id, long_name), nullptr, nullptr) ? 1 : 0;
  CHECK(kept == 64);
  CHECK(store.resolve(7, {.code_id = 1, .lasti = 0}).function == long_name);
  CHECK(store.resolve(7, {.code_id = 80, .lasti = 0}).function == "?");
  auto other = code(1, "f");
  other.head.pid = 9;
  CHECK(store.add(other, nullptr, nullptr));
}
