// Names of symbols as people write them.
#pragma once

#include <string>
#include <string_view>

namespace aiotrace::symbolize {

/// A symbol's name without its version ("memcpy@@GLIBC_2.14"), C++ and Rust (legacy) names demangled, Rust's hash
/// dropped. At most 1 KiB of valid UTF-8. A mangled name is left as it is when it is too long or repeats itself so
/// often that its plain form could fill the memory.
[[nodiscard]] std::string plain_name(std::string_view symbol);

}  // namespace aiotrace::symbolize
