// The test framework (Catch2 v3, or v2 where Debian 12 has nothing newer) and the additions of the tests.
#ifndef AIOTRACE_TESTS_CATCH_H  // not #pragma once, because the header is also compiled on its own
#define AIOTRACE_TESTS_CATCH_H

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#define AIOTRACE_CATCH2 3
#else
#include <catch2/catch.hpp>
#define AIOTRACE_CATCH2 2
#endif

#include <functional>
#include <string>

namespace aiotrace::testing {

/// Leaves the running test case, which is then counted as skipped for this reason (unless it has failed already).
/// From the test's own thread only.
[[noreturn]] void skip(const std::string& reason);

/// Adds a test case whose name depends on the machine: "stalls on Python 3.11.2 (system)". To be called from the body
/// of an AIOTRACE_TEST_CASES. `tags` as in TEST_CASE; names must be unique.
void add_test_case(const std::string& name, const std::string& tags, std::function<void()> body);

/// Runs `add` in main, before any test case is listed or run.
struct TestCaseSource {
  explicit TestCaseSource(void (*add)());
};

}  // namespace aiotrace::testing

/// Skips the running test case: AIOTRACE_SKIP("no Python 3.14 on this machine").
#define AIOTRACE_SKIP(reason) ::aiotrace::testing::skip(reason)

/// AIOTRACE_TEST_CASES(interpreters) { for (auto& python : all()) aiotrace::testing::add_test_case(…); }
#define AIOTRACE_TEST_CASES(name)                                                                                 \
  static void aiotrace_test_cases_##name();                                                                       \
  static const ::aiotrace::testing::TestCaseSource aiotrace_test_case_source_##name(&aiotrace_test_cases_##name); \
  static void aiotrace_test_cases_##name()

#if AIOTRACE_CATCH2 == 2
// v3's names for features with other names in v2: tests are written for v3.
namespace Catch {
using Detail::Approx;
namespace Matchers {
inline auto ContainsSubstring(const std::string& text, CaseSensitive::Choice choice = CaseSensitive::Yes) {
  return Contains(text, choice);
}
}  // namespace Matchers
}  // namespace Catch
#endif

#endif
