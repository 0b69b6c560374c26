// Runs of aiotrace hang, and what they found.
#pragma once

#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {

/// What one run wrote. Its JSON is checked against the schema.
struct Hung {
  std::vector<Json> hangs;
  Json look;
  Json summary;
  int status = 0;
};

inline Hung hang_command(pid_t pid, const std::vector<std::string>& more = {}) {
  std::vector<std::string> command{aiotrace_binary(), "hang", "-p", std::to_string(pid), "--json", "-"};
  command.insert(command.end(), more.begin(), more.end());
  const auto outcome = run(command);
  CHECK(outcome.err == "");
  const auto lines = ndjson(outcome.out);
  CHECK(form_complaints(lines) == std::vector<std::string>{});
  REQUIRE(!lines.empty());
  Hung found{.hangs = {}, .look = {}, .summary = lines.back(), .status = outcome.status};
  CHECK(found.summary["type"] == "summary");
  for (const auto& line : lines) {
    if (line["type"] == "hang") found.hangs.push_back(line);
    if (line["type"] == "look") found.look = line;
  }
  return found;
}

/// The hang that a party of this name is stuck in; null: none.
inline const Json* with_waiter(const Hung& hung, const std::string& name) {
  for (const auto& hang : hung.hangs) {
    for (const auto& waiter : hang["waiters"]) {
      if (waiter["name"] == name) return &hang;
    }
  }
  return nullptr;
}

}  // namespace aiotrace::testing
