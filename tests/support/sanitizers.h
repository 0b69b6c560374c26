// What a build under sanitizers (make SAN=…, tests and aiotrace alike) changes of what a test may expect.
#pragma once

namespace aiotrace::testing {

/// AddressSanitizer or ThreadSanitizer: several times the time and the memory (freed memory is kept for 256 MiB).
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace aiotrace::testing
