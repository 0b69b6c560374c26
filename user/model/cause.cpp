#include "model/cause.h"

#include <array>

namespace aiotrace::model {
namespace {

constexpr std::array<std::string_view, kCauses> kNames{"python", "native", "gc",      "kernel",   "gil",
                                                       "lock",   "sleep",  "file",    "network",  "process",
                                                       "fault",  "other",  "stopped", "cpu-wait", "throttled"};

}  // namespace

std::string_view name(Cause cause) {
  const auto at = index(cause);
  return at < kNames.size() ? kNames[at] : "unknown";
}

std::optional<Cause> cause_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Cause>(i);
  }
  return std::nullopt;
}

}  // namespace aiotrace::model
