// The code of one ELF file, shared by all processes that have it mapped: names and unwinding rules of its functions.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/elf_image.h"
#include "symbolize/symbol_table.h"

struct Dwarf;
struct Dwarf;
struct Elf;
struct Dwarf_CFI_s;
struct Dwarf_Frame_s;

namespace aiotrace::symbolize {

/// Addresses are those of the file. Symbols are read at the first name(), rules at the first rules(): milliseconds for
/// a large file. The file is read, never mapped: whoever owns it may cut it short meanwhile.
class CodeFile {
 public:
  struct Name {
    std::string function;  ///< plain
    std::uint64_t start = 0;
  };

  /// Null if it is no ELF file. `pid`: a process whose root is searched for the debug file.
  [[nodiscard]] static std::shared_ptr<CodeFile> from_image(proc::ElfImage image, pid_t pid);
  /// An ELF file that lies in memory, as the vdso does.
  [[nodiscard]] static std::shared_ptr<CodeFile> from_memory(std::vector<std::byte> bytes);

  /// The address of a byte that is in an executable segment.
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t file_offset) const;
  /// Null if no symbol covers it. Valid as long as this object.
  [[nodiscard]] const Name* name(std::uint64_t address);
  /// How the caller's registers are found at this address, from .eh_frame, else .debug_frame of the file or of its
  /// debug file; null if it is not told. Valid until the next call.
  [[nodiscard]] Dwarf_Frame_s* rules(std::uint64_t address);
  /// Bytes of the file's read-only segments; false if they lie elsewhere.
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> into) const;

 private:
  struct ElfCloser {
    void operator()(Elf* elf) const noexcept;
  };
  struct CfiCloser {
    void operator()(Dwarf_CFI_s* cfi) const noexcept;
  };
  struct DwarfCloser {
    void operator()(Dwarf* dwarf) const noexcept;
  };
  struct FrameFreer {
    void operator()(Dwarf_Frame_s* frame) const noexcept;
  };
  struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t address = 0;
    std::uint64_t size = 0;  // in the file
    bool executable = false;
    bool writable = false;
  };
  using Cfi = std::unique_ptr<Dwarf_CFI_s, CfiCloser>;

  CodeFile() = default;
  static std::shared_ptr<CodeFile> from_elf(std::shared_ptr<CodeFile> file);
  const proc::ElfImage* debug_file();
  void read_symbols();
  void read_rules();

  std::optional<proc::ElfImage> image_;  // outlives elf_
  std::vector<std::byte> memory_;        // instead of image_; outlives elf_
  std::unique_ptr<Elf, ElfCloser> elf_;
  std::vector<Segment> segments_;
  pid_t pid_ = 0;

  bool looked_for_debug_file_ = false;
  std::optional<proc::ElfImage> debug_file_;
  std::optional<SymbolTable> symbols_;
  std::unordered_map<std::size_t, Name> names_;  // by the number of the symbol

  bool has_read_rules_ = false;
  std::vector<std::byte> debug_frame_;  // outlives debug_frame_elf_
  std::unique_ptr<Elf, ElfCloser> debug_frame_elf_;
  Cfi eh_frame_;
  Dwarf_CFI_s* debug_frame_cfi_ = nullptr;  // owned by dwarf_
  std::unique_ptr<Dwarf, DwarfCloser> dwarf_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Dwarf_Frame_s, FrameFreer>> rules_;
};

}  // namespace aiotrace::symbolize
