// Finds the library and function of an address of a live process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "proc/maps.h"
#include "proc/process.h"
#include "symbolize/code_file.h"
#include "symbolize/perf_map.h"
#include "symbolize/work_allowance.h"

namespace aiotrace::symbolize {

/// Text is valid UTF-8, may contain control characters.
struct NativeSymbol {
  std::string library;   ///< "libz.so.1", "_bisect", "nginx", "[vdso]", "[anonymous]"
  std::string function;  ///< plain (demangled); empty: no symbol covers the address
  std::uint64_t offset =
      0;  ///< bytes from the function's start; without a function the address in the file, or the unchanged address
  bool operator==(const NativeSymbol&) const = default;
};

/// One for a session. A file is read once, however many processes have it mapped.
class Symbolizer {
 public:
  /// Nothing if no code is mapped there. The first address in a library takes milliseconds (its symbols are read),
  /// later ones well below a microsecond; code without a file costs a read of /tmp/perf-PID.map each time.
  [[nodiscard]] std::optional<NativeSymbol> find(const proc::Process& process, const proc::Maps& maps,
                                                 std::uint64_t address);
  /// The library as returned by `find`, without reading symbols. Valid until the next call.
  [[nodiscard]] const std::string& library(const proc::Process& process, const proc::Mapping& mapping);

  /// The position of an address in its file.
  struct Place {
    CodeFile* file = nullptr;   ///< valid until the next call
    std::uint64_t address = 0;  ///< address in the file
    std::uint64_t bias = 0;     ///< the value that the process adds to the file's addresses
  };
  /// Nothing if the code has no readable file.
  [[nodiscard]] std::optional<Place> place(const proc::Process& process, const proc::Maps& maps, std::uint64_t address);

  /// The process has ended or runs another program now.
  void forget(pid_t pid) { processes_.erase(pid); }

 private:
  /// A mapping, and its file. Other values at the same address mean that another file is mapped there now.
  struct Known {
    std::uint64_t end = 0;
    std::uint64_t offset = 0;
    std::uint64_t inode = 0;
    std::uint32_t dev_major = 0;
    std::uint32_t dev_minor = 0;
    std::string library;
    std::shared_ptr<CodeFile> file;  ///< null: no file, or unreadable
  };
  struct OfProcess {
    std::map<std::uint64_t, Known> mappings;  ///< by start
    PerfMap perf_map;
    WorkAllowance work;  ///< time of reading its files
  };
  bool may_work(pid_t pid);
  const Known& known(const proc::Process& process, const proc::Mapping& mapping);
  Known look_at(const proc::Process& process, const proc::Mapping& mapping);
  std::shared_ptr<CodeFile> shared_file(const std::string& identity, const auto& make);
  static std::optional<std::uint64_t> address_in_file(const Known& known, const proc::Mapping& mapping,
                                                      std::uint64_t address);

  std::unordered_map<pid_t, OfProcess> processes_;
  std::unordered_map<std::string, std::shared_ptr<CodeFile>> files_;  // by the identity of the content
};

}  // namespace aiotrace::symbolize
