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

/// Addresses are those of the file (before the load bias), unless said otherwise. What is read of it and kept is on the
/// account of the process that has it mapped (file_budget.h): what would be too much is not read, and counted.
class ElfImage {
 public:
  struct Symbol {
    std::uint64_t address = 0;
    std::uint64_t size = 0;  ///< bytes; 0: not known
  };
  struct Section {
    std::uint64_t address = 0;
    std::uint64_t size = 0;    ///< bytes in memory
    std::uint64_t offset = 0;  ///< in the file
    bool in_file = false;      ///< false: zeroes only (.bss)
    bool compressed = false;   ///< SHF_COMPRESSED: begins with an Elf64_Chdr
    std::uint32_t link = 0;    ///< sh_link: for a table of symbols the index of their names
  };
  /// What a section or a part of the file holds, on the account as long as this lives.
  struct Content {
    std::vector<std::byte> bytes;
    FileAccount::Share share;
    [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  };

  /// The file behind a mapping of a process: through /proc/PID/map_files, else by its path below /proc/PID/root, else
  /// by its path; a file found by path must have the mapping's inode. Only regular files are ever opened for reading.
  [[nodiscard]] static Result<ElfImage> open(pid_t pid, const Mapping& mapping);
  /// A file by its path; any 64-bit little-endian ELF.
  /// `payer`: for whom it is looked at.
  [[nodiscard]] static Result<ElfImage> open_file(const std::string& path, const FileBudget::Payer& payer = {});
  /// An ELF file that lies in memory, as the vdso does, or one that was packed in another.
  [[nodiscard]] static Result<ElfImage> from_memory(std::vector<std::byte> bytes, const FileBudget::Payer& payer = {});
  /// A file by its path as a process sees it: symbolic links stay below the process's root.
  [[nodiscard]] static Result<ElfImage> open_in_root(pid_t pid, const std::string& path);

  /// Defined symbols by name, in the order of `names`: from the dynamic table, else from the full one.
  [[nodiscard]] std::vector<std::optional<Symbol>> symbols(std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<Symbol> symbol(std::string_view name) const;
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;
  /// The first one of a type (SHT_*).
  [[nodiscard]] std::optional<Section> section_of_type(std::uint32_t type) const;
  [[nodiscard]] std::optional<Section> section_at(std::uint32_t index) const;
  /// All of a section; empty if it has more than `most` bytes or is mostly a hole of a sparse file (both are counted),
  /// or if the file ends before it does.
  [[nodiscard]] Content content(const Section& section, std::uint64_t most) const;
  [[nodiscard]] const ElfHeaders& headers() const { return headers_; }
  [[nodiscard]] FileAccount& account() const { return *account_; }
  /// Thread-local storage of the file; nothing if it has none.
  struct ThreadLocal {
    std::uint64_t size = 0;  ///< bytes of its block in each thread
    /// Address of the word into which the dynamic linker writes the number of the module (R_*_DTPMOD); nothing
    /// if the file reaches its block in another way.
    std::optional<std::uint64_t> module_word;
  };
  [[nodiscard]] std::optional<ThreadLocal> thread_local_storage() const;
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

  /// True if all of it can be read once, to be compared: a file of up to 64 MiB that is no hole for the most part, of
  /// a user who has not asked for too much of that already.
  [[nodiscard]] bool may_be_read_whole() const;

  /// Device, inode, time of last change and size in one text: same text, same content.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  /// The path as the process's map has it. For people; opening it may give another file.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ElfImage() = default;
  static Result<ElfImage> from_fd(UniqueFd fd, std::string path, const FileBudget::Payer& payer);
  Status read_headers();
  [[nodiscard]] bool read_at(std::uint64_t offset, std::span<std::byte> into) const;
  [[nodiscard]] bool is_there(std::uint64_t offset, std::uint64_t size) const;
  void look_up(std::uint32_t table, std::span<const std::string_view> names,
               std::vector<std::optional<Symbol>>& found) const;

  UniqueFd fd_;                    // none: in memory
  std::vector<std::byte> memory_;  // instead of fd_
  std::shared_ptr<FileAccount> account_;
  FileAccount::Share share_;  // of the headers
  ElfHeaders headers_;
  std::string path_;
  std::string identity_;
  std::uint64_t file_size_ = 0;
};

}  // namespace aiotrace::proc
