// The folders of an interpreter's libraries, as the code objects of the running program name them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proc/memory.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Folders of the standard library and of the packages that KnownFunction has rows of. A file belongs to a library only
/// if it is in the library's own folder, because a program may have its own package `asyncio`.
class LibraryFiles {
 public:
  /// Looks into `modules`, the dict sys.modules. The standard library's folder is taken from the code objects of
  /// modules that every program with asyncio has imported: it is relative if a tool (PyInstaller) compiled the modules
  /// that way, and inside an archive if they were imported from one. Empty if nothing was found.
  [[nodiscard]] static LibraryFiles find(const proc::Memory& memory, const Layout& layout, std::uint64_t modules);

  /// The path of `file` (co_filename) inside its library: "asyncio/tasks.py", "aiohttp/streams.py"; empty: not in a
  /// known library. "<frozen asyncio.tasks>" gives "asyncio/tasks.py".
  [[nodiscard]] std::string inside(std::string_view file) const;

  [[nodiscard]] bool empty() const { return standard_.empty(); }
  friend bool operator==(const LibraryFiles&, const LibraryFiles&) = default;

 private:
  std::vector<std::string> standard_;            // folders, with their last slash; "": relative paths
  std::map<std::string, std::string> packages_;  // the folder that contains a package, or a module that is a file
};

}  // namespace aiotrace::python
