#include "model/losses.h"

namespace aiotrace::model {

std::string_view name(Loss loss) {
  constexpr std::array<std::string_view, kLosses> kNames{"ring-full",       "threads-full",   "stack-unreadable",
                                                         "stack-too-deep",  "thread-unknown", "name-unreadable",
                                                         "task-unreadable", "seen-full",      "switch-unseen",
                                                         "native-missing",  "bad-record",     "iteration-incomplete",
                                                         "stack-missing",   "native-cut"};
  const auto at = static_cast<std::size_t>(loss);
  return at < kNames.size() ? kNames[at] : "unknown";
}

}  // namespace aiotrace::model
