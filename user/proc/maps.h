// The memory map of a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace aiotrace::proc {

/// One line of /proc/PID/maps.
struct Mapping {
  std::uint64_t start = 0;   ///< first address
  std::uint64_t end = 0;     ///< behind the last one
  std::uint64_t offset = 0;  ///< in the file, bytes
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  bool deleted = false;  ///< the file has no name any more
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;
  std::uint64_t inode = 0;  ///< 0: no file
  std::string path;         ///< without " (deleted)"; "[heap]" and the like are kept; empty: anonymous

  [[nodiscard]] bool contains(std::uint64_t address) const { return address >= start && address < end; }
  /// Same file, by device and inode; false for anonymous memory.
  [[nodiscard]] bool same_file(const Mapping& other) const {
    return inode != 0 && inode == other.inode && dev_major == other.dev_major && dev_minor == other.dev_minor;
  }
  /// The last part of the path.
  [[nodiscard]] std::string_view file_name() const {
    const std::string_view all = path;
    return all.substr(all.find_last_of('/') + 1);
  }
};

class Maps {
 public:
  /// More mappings than this are dropped: vm.max_map_count is 65,530 unless raised.
  static constexpr std::size_t kMaxMappings = 1u << 20;

  /// Lines that are no mapping are skipped. Never reads outside of the text.
  [[nodiscard]] static Maps parse(std::string_view text);
  /// What is behind 12 MiB of text is dropped, and counted as a file that is too large. Errors: no such process
  /// (failure), not allowed (not_permitted).
  [[nodiscard]] static Result<Maps> read(pid_t pid);

  /// Sorted by address, without overlap.
  [[nodiscard]] const std::vector<Mapping>& all() const { return mappings_; }
  /// The mapping an address lies in, or null. Valid as long as this object.
  [[nodiscard]] const Mapping* find(std::uint64_t address) const;

 private:
  std::vector<Mapping> mappings_;
};

}  // namespace aiotrace::proc
