// What the program says beside its results.
#pragma once

#include <string>

namespace aiotrace {

/// One line on standard error, cleaned: "aiotrace: …".
void say(const std::string& message);

}  // namespace aiotrace
