// Libraries of an unprivileged attacker (tests/programs/hostile_files.py) that would cost a reader gigabytes or
// minutes: aiotrace stays small, ends in time, and reports what it did not read.
#include <cstdint>
#include <filesystem>

#include "tests/catch.h"
#include "tests/support/match.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tracer.h"

namespace aiotrace::testing {
namespace {

constexpr long kMostKb = kSanitized ? 600'000 : 200'000;

/// The system's interpreter, because other users cannot access those in this user's home.
std::vector<std::string> python_of_all() {
  if (!std::filesystem::exists("/usr/bin/python3")) AIOTRACE_SKIP("no /usr/bin/python3");
  return {"/usr/bin/python3"};
}

Target attacker(const std::string& attack) {
  auto command = python_of_all();
  command.push_back(program("hostile_files.py"));
  return {command, {"--attack", attack}};
}

// Also checks the run's time: aiotrace's own CPU time, which a busy machine does not change.
void check_small(const std::vector<std::string>& arguments, std::uint64_t least_refused) {
  Tracer tracer(arguments);
  CHECK(tracer.wait() == 0);
  INFO("it said " << tracer.err());
  CHECK(tracer.process().peak_kb() < kMostKb);
  const auto lines = tracer.lines();
  REQUIRE_FALSE(lines.empty());
  const auto& summary = lines.back();
  REQUIRE(summary["type"] == "summary");
  CHECK(summary["losses"]["file-too-large"].get<std::uint64_t>() >= least_refused);
  CHECK(summary["stalls"].get<std::uint64_t>() >= 1);
  CHECK(summary["elapsed_ns"].get<double>() < 5e9);
  CHECK(summary["cost"]["cpu_ns"].get<double>() < 3e9 * (kSanitized ? 10 : 1));
}

void check_attack(const std::string& attack, std::uint64_t least_refused, bool native) {
  auto target = attacker(attack);
  target.wait_ready();
  std::vector<std::string> arguments{"-p", std::to_string(target.pid()), "-d", "1s"};
  if (native) arguments.emplace_back("--native");
  check_small(arguments, least_refused);
}

}  // namespace

TEST_CASE("a file that claims 40 million sections is not read", "[alone][hostile][budget]") {
  auto target = attacker("sections");
  target.wait_ready();
  check_small({"-p", std::to_string(target.pid()), "-d", "1s"}, 1);
  check_small({"-a", "-d", "1s"}, 1);
  const auto doctor = run({aiotrace_binary(), "doctor", "-p", std::to_string(target.pid())});
  CHECK(doctor.status == 0);
  CHECK(doctor.peak_kb < kMostKb);
}

TEST_CASE("symbols that share one long name take its room once", "[alone][hostile][budget]") {
  check_attack("names", 0, true);
}

TEST_CASE("a dynamic section of 500 MB is not read", "[alone][hostile][budget]") { check_attack("dynamic", 10, false); }

TEST_CASE("unwinding rules of 3 GB are not read", "[alone][hostile][budget]") { check_attack("rules", 1, true); }

TEST_CASE("no checksum of a hole of a gigabyte is taken", "[alone][hostile][budget]") {
  check_attack("debug", 30, true);
}

TEST_CASE("of a memory map of 240 MB of text a part is read", "[alone][hostile][budget]") {
  check_attack("maps", 1, false);
}

}  // namespace aiotrace::testing
