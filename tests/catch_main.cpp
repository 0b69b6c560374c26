// main() of every test binary, and the record of what ran that tools/run_tests.py counts.
//
// AIOTRACE_TEST_LOG=FILE: one line for each event, fields separated by tabs:
//   plan N | start NAME | passed|failed|skipped MILLISECONDS ASSERTIONS NAME REASON
// AIOTRACE_TEST_PLAN=1: writes the plan and runs nothing.
// AIOTRACE_TEST_PROGRESS=all|skips: which test cases to show on stdout as they end.
#define CATCH_CONFIG_RUNNER
#include "tests/catch.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace aiotrace::testing {
namespace {

std::vector<void (*)()>& sources() {
  static std::vector<void (*)()> all;
  return all;
}

std::optional<std::string> skip_reason;
pid_t main_pid = 0;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// A short record, so that the last lines of a log show the failure.
std::string bounded(std::string text) {
  constexpr std::size_t kMost = 1200;
  if (text.size() > kMost) text = text.substr(0, kMost) + " [...]";
  return text;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

/// Opened and closed for each line: a test that crashes leaves nothing half written. A child that a test forked
/// inherits the framework with its signal handlers, but must not report test cases.
void log_line(const std::string& line) {
  const std::string path(environment("AIOTRACE_TEST_LOG"));
  if (path.empty() || ::getpid() != main_pid) return;
  if (std::FILE* file = std::fopen(path.c_str(), "ae")) {
    std::fputs((line + "\n").c_str(), file);
    std::fclose(file);
  }
}

class Invoker : public Catch::ITestInvoker {
 public:
  explicit Invoker(std::function<void()> body) : body_(std::move(body)) {}
  void invoke() const override { body_(); }

 private:
  std::function<void()> body_;
};

#if AIOTRACE_CATCH2 == 3
using ListenerBase = Catch::EventListenerBase;
const Catch::TestCaseInfo& info(const Catch::TestCaseStats& stats) { return *stats.testInfo; }
bool is_hidden(const Catch::TestCaseHandle& test) { return test.getTestCaseInfo().isHidden(); }
#else
using ListenerBase = Catch::TestEventListenerBase;
const Catch::TestCaseInfo& info(const Catch::TestCaseStats& stats) { return stats.testInfo; }
bool is_hidden(const Catch::TestCase& test) { return test.isHidden(); }
#endif

class Listener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& test) override {
    skip_reason.reset();
    first_failure_.clear();
    start_ = std::chrono::steady_clock::now();
    log_line("start\t" + one_line(test.name));
  }

#if AIOTRACE_CATCH2 == 3
  void assertionEnded(const Catch::AssertionStats& stats) override { keep_first_failure(stats); }
#else
  bool assertionEnded(const Catch::AssertionStats& stats) override {
    keep_first_failure(stats);
    return false;  // the reporter clears the messages
  }
#endif

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
    const auto& assertions = stats.totals.assertions;
    std::string result = "passed";
    std::string reason;
    if (assertions.failed > 0 || stats.totals.testCases.failed > 0) {
      result = "failed";
      reason = first_failure_;
    } else if (skip_reason) {
      result = "skipped";
      reason = *skip_reason;
    } else if (assertions.passed == 0 && assertions.failedButOk == 0) {
      // A test without checks must not count as passed.
      result = "failed";
      reason = "it asserted nothing";
    }
    const std::string name = one_line(info(stats).name);
    log_line(result + "\t" + std::to_string(ms) + "\t" + std::to_string(assertions.passed + assertions.failed) + "\t" +
             name + "\t" + one_line(reason));
    show(result, name, reason, ms);
  }

 private:
  void keep_first_failure(const Catch::AssertionStats& stats) {
    const auto& result = stats.assertionResult;
    if (!result.isOk() && first_failure_.empty() && !skip_reason) {
      const auto source = result.getSourceInfo();
      first_failure_ = std::string(source.file) + ":" + std::to_string(source.line) + ": " +
                       bounded(result.getExpression()) + " => " + bounded(result.getExpandedExpression());
      if (result.hasMessage()) first_failure_ += " | " + bounded(std::string(result.getMessage()));
      for (const auto& message : stats.infoMessages) first_failure_ += " | " + bounded(message.message);
    }
  }

  static void show(const std::string& result, const std::string& name, const std::string& reason, long long ms) {
    const std::string_view wanted = environment("AIOTRACE_TEST_PROGRESS");
    if (wanted.empty() || (wanted == "skips" && result == "passed")) return;
    std::cout.flush();
    std::printf("  %-7s %s%s%s (%lld ms)\n", result.c_str(), name.c_str(), reason.empty() ? "" : ": ", reason.c_str(),
                ms);
    std::fflush(stdout);
  }

  std::chrono::steady_clock::time_point start_;
  std::string first_failure_;
};

std::size_t planned(const Catch::Config& config) {
  const auto& tests = Catch::getAllTestCasesSorted(config);
  if (config.testSpec().hasFilters()) return Catch::filterTests(tests, config.testSpec(), config).size();
  std::size_t count = 0;
  for (const auto& test : tests) count += is_hidden(test) ? 0 : 1;
  return count;
}

}  // namespace

TestCaseSource::TestCaseSource(void (*add)()) { sources().push_back(add); }

void skip(const std::string& reason) {
  skip_reason = reason;
#if AIOTRACE_CATCH2 == 3
  SKIP(reason);
  std::abort();  // SKIP throws, but is not declared to
#else
  throw Catch::TestFailureException();  // ends the test case; without a failed assertion it is no failure
#endif
}

void add_test_case(const std::string& name, const std::string& tags, std::function<void()> body) {
#if AIOTRACE_CATCH2 == 3
  auto invoker = Catch::Detail::make_unique<Invoker>(std::move(body));
  const Catch::AutoReg registration(std::move(invoker), CATCH_INTERNAL_LINEINFO, Catch::StringRef(),
                                    Catch::NameAndTags{name, tags});
#else
  auto* invoker = new Invoker(std::move(body));  // Catch2 owns it
  const Catch::AutoReg registration(invoker, CATCH_INTERNAL_LINEINFO, Catch::StringRef(),
                                    Catch::NameAndTags{name, tags});
#endif
}

}  // namespace aiotrace::testing

using aiotrace::testing::Listener;  // the macro builds an identifier from the name
CATCH_REGISTER_LISTENER(Listener)

int main(int argc, char** argv) {
  aiotrace::testing::main_pid = ::getpid();
  for (auto* add : aiotrace::testing::sources()) add();
  Catch::Session session;
  if (const int status = session.applyCommandLine(argc, argv); status != 0) return status;
  aiotrace::testing::log_line("plan\t" + std::to_string(aiotrace::testing::planned(session.config())));
  if (!aiotrace::testing::environment("AIOTRACE_TEST_PLAN").empty()) return 0;
  return session.run();
}
