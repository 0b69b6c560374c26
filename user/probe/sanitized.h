// Whether this is a build under a sanitizer: the sanitizer's run-time library needs more than the program itself.
#pragma once

// Each symbol exists if its library is linked. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" __attribute__((weak)) void __asan_init();
extern "C" __attribute__((weak)) void __tsan_init();
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace aiotrace::probe {

[[nodiscard]] inline bool is_sanitized() { return &__asan_init != nullptr || &__tsan_init != nullptr; }

}  // namespace aiotrace::probe
