#include "app/code_in_file.h"

#include <fmt/format.h>

namespace aiotrace::app {

Result<CodeInFile> code_in_file(pid_t pid, const proc::Maps& maps, std::uint64_t address) {
  const auto* mapping = maps.find(address);
  if (mapping == nullptr) return fail(fmt::format("probe code of process {}", pid), "it is not mapped any more");
  return CodeInFile{.path = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping->start, mapping->end),
                    .offset = address - mapping->start + mapping->offset};
}

}  // namespace aiotrace::app
