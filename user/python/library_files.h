// Where an interpreter's libraries are, as the code objects of the running program name their files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proc/memory.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Folders of the standard library and of the packages that KnownFunction has rows of. A file belongs to a library if
/// it lies in the library's own folder, whatever other folders are called: a program may have a package `asyncio` too.
class LibraryFiles {
 public:
  /// Looks into `modules`, the dict sys.modules. The standard library's folder is taken from the code objects of
  /// modules that every program with asyncio has imported: it is relative where a tool has compiled them so
  /// (PyInstaller), and inside of an archive where they were imported from one. Empty if nothing was found.
  [[nodiscard]] static LibraryFiles find(const proc::Memory& memory, const Layout& layout, std::uint64_t modules);

  /// `file` (co_filename) inside of its library: "asyncio/tasks.py", "aiohttp/streams.py"; empty: of no library that is
  /// known. "<frozen asyncio.tasks>" is "asyncio/tasks.py".
  [[nodiscard]] std::string inside(std::string_view file) const;

  [[nodiscard]] bool empty() const { return standard_.empty(); }
  friend bool operator==(const LibraryFiles&, const LibraryFiles&) = default;

 private:
  std::vector<std::string> standard_;            // folders, with their last slash; "": relative paths
  std::map<std::string, std::string> packages_;  // the folder that a package, or a module that is a file, lies in
};

}  // namespace aiotrace::python
