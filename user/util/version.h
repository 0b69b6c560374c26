// The version of this program.
#pragma once

namespace aiotrace {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace aiotrace
