// Readable names of symbols.
#pragma once

#include <string>
#include <string_view>

namespace aiotrace::symbolize {

/// A symbol's name without its version ("memcpy@@GLIBC_2.14"), C++ and Rust (legacy) names demangled, Rust's hash
/// dropped. At most 1 KiB of valid UTF-8. A mangled name is not changed if it is too long, or has so many repetitions
/// that its demangled form could fill the memory.
[[nodiscard]] std::string plain_name(std::string_view symbol);

}  // namespace aiotrace::symbolize
