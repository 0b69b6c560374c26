#include "tests/support/steal.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace aiotrace::testing {
namespace {

constexpr double kTickNs = 1e7;
constexpr double kMostNs = 2.5e7;

double& before() {
  static double ticks = 0;
  return ticks;
}

double ticks_stolen() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  stat >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
  return steal;
}

}  // namespace

void count_steal() { before() = ticks_stolen(); }

double stolen_ns() {
  const double ticks = ticks_stolen() - before();
  // Rounding may hide one more step.
  return ticks <= 0 ? 0 : std::min((ticks + 1) * kTickNs, kMostNs);
}

}  // namespace aiotrace::testing
