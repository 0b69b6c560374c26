// The limit of open files: every traced process takes one, every loop thread four more.
#pragma once

#include <cstdint>

namespace aiotrace::app {

/// Raises the soft limit to the hard one: a login shell's 1,024 are used up by 200 loops. Not before a COMMAND has been
/// started: it must not inherit the higher one (select() cannot have descriptors above 1,023).
void allow_many_open_files();

/// The present soft limit.
[[nodiscard]] std::uint64_t open_files_limit();

/// True while no further file can be opened.
[[nodiscard]] bool no_more_open_files();

}  // namespace aiotrace::app
