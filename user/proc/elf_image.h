// An ELF file that a process has mapped: symbols, sections, where it was loaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proc/maps.h"
#include "util/result.h"
#include "util/unique_fd.h"

struct Elf;

namespace aiotrace::proc {

/// Addresses are those of the file (before the load bias), unless said otherwise.
class ElfImage {
 public:
  struct Symbol {
    std::uint64_t address = 0;
    std::uint64_t size = 0;  ///< bytes; 0: not told
  };
  struct Section {
    std::uint64_t address = 0;
    std::uint64_t size = 0;    ///< bytes in memory
    std::uint64_t offset = 0;  ///< in the file
    bool in_file = false;      ///< false: zeroes only (.bss)
    bool compressed = false;   ///< SHF_COMPRESSED: begins with an Elf64_Chdr
  };

  /// The file behind a mapping of a process: through /proc/PID/map_files, else by its path below /proc/PID/root, else
  /// by its path; a file found by path must have the mapping's inode. Only regular files are ever opened for reading.
  [[nodiscard]] static Result<ElfImage> open(pid_t pid, const Mapping& mapping);
  /// A file by its path; any x86-64 or other 64-bit little-endian ELF.
  [[nodiscard]] static Result<ElfImage> open_file(const std::string& path);
  /// A file by its path as a process sees it: symbolic links stay below the process's root.
  [[nodiscard]] static Result<ElfImage> open_in_root(pid_t pid, const std::string& path);

  /// Defined symbols by name, in the order of `names`: from the dynamic table, else from the full one.
  [[nodiscard]] std::vector<std::optional<Symbol>> symbols(std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<Symbol> symbol(std::string_view name) const;
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;
  /// DT_SONAME; empty when there is none.
  [[nodiscard]] std::string soname() const;
  /// NT_GNU_BUILD_ID in hex; empty when there is none.
  [[nodiscard]] std::string build_id() const;
  /// What a process added to the file's addresses: from its executable mapping of the same file as `mapping`.
  [[nodiscard]] std::optional<std::uint64_t> bias(const Maps& maps, const Mapping& mapping) const;
  /// Where in the file the byte of an address is: what a uprobe is placed by. Nothing outside of the loaded segments.
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t address) const;
  /// Bytes of the file; fewer when it ends.
  [[nodiscard]] std::vector<std::byte> file_bytes(std::uint64_t offset, std::size_t size) const;

  /// Device, inode, time of last change and size in one text: same text, same content.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  /// The path as the process's map has it. For people; opening it may give another file.
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Open for reading, owned by this object.
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  struct ElfCloser {
    void operator()(Elf* elf) const noexcept;
  };
  ElfImage() = default;
  static Result<ElfImage> from_fd(UniqueFd fd, std::string path);
  void look_up(std::uint32_t table, std::span<const std::string_view> names,
               std::vector<std::optional<Symbol>>& found) const;

  UniqueFd fd_;  // outlives elf_
  std::unique_ptr<Elf, ElfCloser> elf_;
  std::string path_;
  std::string identity_;
  std::uint64_t file_size_ = 0;
};

}  // namespace aiotrace::proc
