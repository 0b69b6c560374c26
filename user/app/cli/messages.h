// Errors and pages of help, as the user sees them.
#pragma once

#include <string>

#include "util/result.h"

namespace aiotrace::app {

/// Writes the error to standard error; returns the exit status for its kind.
[[nodiscard]] int report(const Error& error);

/// Writes the text of --help or --version to standard output; returns the exit status.
[[nodiscard]] int print_message(const std::string& text);

}  // namespace aiotrace::app
