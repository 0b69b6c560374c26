// The culprit of native code: library and function.
#include <map>
#include <string>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

/// The native time of all stalls by "library!function".
std::map<std::string, double> native_ns(const Run& run) {
  std::map<std::string, double> found;
  for (const auto& stall : stalls_in(run.lines)) {
    for (const auto& segment : stall["segments"]) {
      if (segment["cause"] != "native" || segment["culprit"].is_null()) continue;
      const auto text = [&](const char* key) {
        return segment["culprit"][key].is_null() ? std::string("?") : segment["culprit"][key].get<std::string>();
      };
      found[text("library") + "!" + text("function")] += segment["ns"].get<double>();
    }
  }
  return found;
}

double sum(const std::map<std::string, double>& times) {
  double all = 0;
  for (const auto& [name, ns] : times) all += ns;
  return all;
}

TEST_CASE("native: the function of a program in C, also when it is in the vdso for it", "[native]") {
  const Scratch scratch;
  const auto compiled = run({"cc", "-O1", "-g", "-o", scratch.file("plain_loop"), program("plain_loop.c")});
  if (compiled.status != 0) AIOTRACE_SKIP("no C compiler: " + compiled.err);
  Target target({scratch.file("plain_loop")}, {"spin:100", "spin:100", "spin:100"});
  const auto times = native_ns(trace(target));
  // A leaf in the vdso counts as its caller; some builds have the clock's reader apart.
  double named = 0;
  for (const auto& [name, ns] : times) {
    if (name == "plain_loop!block_spin" || name == "plain_loop!now_ns") named += ns;
  }
  REQUIRE(sum(times) >= 2e8);  // of 300 ms
  CHECK(named >= 0.95 * sum(times));
}

}  // namespace
}  // namespace aiotrace::testing
