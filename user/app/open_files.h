// The limit of open files: every traced process needs one file, every loop thread four more.
#pragma once

#include <cstdint>

namespace aiotrace::app {

/// Raises the soft limit to the hard one: the 1,024 files of a login shell are enough for only 200 loops. Must not be
/// called before a COMMAND was started: it must not inherit the higher one (select() cannot have descriptors above
/// 1,023).
void allow_many_open_files();

/// The present soft limit.
[[nodiscard]] std::uint64_t open_files_limit();

/// True while no further file can be opened.
[[nodiscard]] bool no_more_open_files();

}  // namespace aiotrace::app
