// Where the code of a process is in its mapped file, as needed to place a uprobe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "proc/maps.h"
#include "util/result.h"

namespace aiotrace::app {

struct CodeInFile {
  std::string path;  ///< path below /proc/PID/map_files: the mapped file itself, whatever its path leads to now
  std::uint64_t offset = 0;
};

/// Errors: nothing is mapped at the address, or not any more.
[[nodiscard]] Result<CodeInFile> code_in_file(pid_t pid, const proc::Maps& maps, std::uint64_t address);

}  // namespace aiotrace::app
