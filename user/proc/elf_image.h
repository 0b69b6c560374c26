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

#include "proc/elf_headers.h"
#include "proc/file_budget.h"
#include "proc/maps.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace aiotrace::proc {

/// Addresses are those of the file (before the load bias), unless stated otherwise. Stored data is charged to the
/// process that has the file mapped (file_budget.h): data beyond the limit is not read, and counted.
class ElfImage {
 public:
  struct Symbol {
    std::uint64_t address = 0;
    std::uint64_t size = 0;  ///< size; 0: unknown
  };
  struct Section {
    std::uint64_t address = 0;
    std::uint64_t size = 0;    ///< size in memory
    std::uint64_t offset = 0;  ///< in the file
    bool in_file = false;      ///< false: zeroes only (.bss)
    bool compressed = false;   ///< SHF_COMPRESSED: begins with an Elf64_Chdr
    std::uint32_t link = 0;    ///< sh_link: for a symbol table the index of the table of names
  };
  /// The content of a section or a part of the file, charged to the account while this object lives.
  struct Content {
    std::vector<std::byte> bytes;
    FileAccount::Share share;
    [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  };

  /// The file behind a mapping of a process: through /proc/PID/map_files, else by its path below /proc/PID/root, else
  /// by its path; a file found by path must have the mapping's inode. Only regular files are opened for reading.
  [[nodiscard]] static Result<ElfImage> open(pid_t pid, const Mapping& mapping);
  /// A file by its path; any 64-bit little-endian ELF. `payer`: the process on whose behalf it is read.
  [[nodiscard]] static Result<ElfImage> open_file(const std::string& path, const FileBudget::Payer& payer = {});
  /// An ELF file in memory: the vdso, or a file that was packed in another one.
  [[nodiscard]] static Result<ElfImage> from_memory(std::vector<std::byte> bytes, const FileBudget::Payer& payer = {});
  /// A file by its path as a process sees it: symbolic links cannot leave the process's root.
  [[nodiscard]] static Result<ElfImage> open_in_root(pid_t pid, const std::string& path);

  /// Defined symbols by name, in the order of `names`: from the dynamic table, else from the full one.
  [[nodiscard]] std::vector<std::optional<Symbol>> symbols(std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<Symbol> symbol(std::string_view name) const;
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;
  /// The first one of a type (SHT_*).
  [[nodiscard]] std::optional<Section> section_of_type(std::uint32_t type) const;
  [[nodiscard]] std::optional<Section> section_at(std::uint32_t index) const;
  /// The whole section; empty if it has more than `most` bytes or is mostly a hole of a sparse file (both are counted),
  /// or if the file ends before it does.
  [[nodiscard]] Content content(const Section& section, std::uint64_t most) const;
  [[nodiscard]] const ElfHeaders& headers() const { return headers_; }
  [[nodiscard]] FileAccount& account() const { return *account_; }
  /// Thread-local storage of the file; nothing if it has none.
  struct ThreadLocal {
    std::uint64_t size = 0;  ///< bytes of its block in each thread
    /// Address of the word into which the dynamic linker writes the number of the module (R_*_DTPMOD); nothing if the
    /// file accesses its block in another way.
    std::optional<std::uint64_t> module_word;
  };
  [[nodiscard]] std::optional<ThreadLocal> thread_local_storage() const;
  /// DT_SONAME; empty when there is none.
  [[nodiscard]] std::string soname() const;
  /// NT_GNU_BUILD_ID in hex; empty if there is none.
  [[nodiscard]] std::string build_id() const;
  /// The value that a process added to the file's addresses: from its executable mapping of the same file as `mapping`.
  [[nodiscard]] std::optional<std::uint64_t> bias(const Maps& maps, const Mapping& mapping) const;
  /// File offset of the byte at an address, as needed to place a uprobe. Nothing outside the loaded segments.
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t address) const;
  /// Bytes of the file; fewer at the end of the file.
  [[nodiscard]] std::vector<std::byte> file_bytes(std::uint64_t offset, std::size_t size) const;

  /// True if the whole file may be read once for a comparison: up to 64 MiB, not mostly a hole, and within the limit of
  /// such reads for its user.
  [[nodiscard]] bool may_be_read_whole() const;

  /// Device, inode, time of last change and size in one text: the same text means the same content.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  /// The path as the process's map has it. For people; another file may be there now.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ElfImage() = default;
  static Result<ElfImage> from_fd(UniqueFd fd, std::string path, const FileBudget::Payer& payer);
  Status read_headers();
  [[nodiscard]] bool read_at(std::uint64_t offset, std::span<std::byte> into) const;
  [[nodiscard]] bool is_there(std::uint64_t offset, std::uint64_t size) const;
  void look_up(std::uint32_t table, std::span<const std::string_view> names,
               std::vector<std::optional<Symbol>>& found) const;

  UniqueFd fd_;                    // none: the file is in memory
  std::vector<std::byte> memory_;  // instead of fd_
  std::shared_ptr<FileAccount> account_;
  FileAccount::Share share_;  // size of the headers
  ElfHeaders headers_;
  std::string path_;
  std::string identity_;
  std::uint64_t file_size_ = 0;
};

}  // namespace aiotrace::proc
