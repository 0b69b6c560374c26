// Where the code of a process lies in the file that it has mapped: what a uprobe is placed by.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "proc/maps.h"
#include "util/result.h"

namespace aiotrace::app {

struct CodeInFile {
  std::string path;  ///< below /proc/PID/map_files: the very file, whatever lies at its path by now
  std::uint64_t offset = 0;
};

/// Errors: nothing is mapped at the address (any more).
[[nodiscard]] Result<CodeInFile> code_in_file(pid_t pid, const proc::Maps& maps, std::uint64_t address);

}  // namespace aiotrace::app
