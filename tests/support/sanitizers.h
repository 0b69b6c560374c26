// How a build under sanitizers (make SAN=…, for tests and aiotrace) changes the expectations of a test.
#pragma once

// GCC has a macro for each; clang has it from 21 on, a feature before.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AIOTRACE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AIOTRACE_SANITIZED 1
#endif
#endif

namespace aiotrace::testing {

/// AddressSanitizer or ThreadSanitizer: several times the time and the memory (freed memory is kept for 256 MiB).
#ifdef AIOTRACE_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace aiotrace::testing
