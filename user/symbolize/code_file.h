// The code of one ELF file, shared by all processes that map it: names and unwinding rules of its functions.
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
struct Elf;
struct Dwarf_CFI_s;
struct Dwarf_Frame_s;

namespace aiotrace::symbolize {

/// Addresses are those of the file. Symbols are read at the first name(), rules at the first rules(): milliseconds for
/// a large file. The file is read, never mapped: its owner may truncate it at any time. elfutils only gets copies of
/// single sections, whose sizes were checked.
class CodeFile {
 public:
  struct Name {
    std::string function;  ///< demangled
    std::uint64_t start = 0;
  };

  /// `pid`: a process under whose root the debug file is searched.
  [[nodiscard]] static std::shared_ptr<CodeFile> from_image(proc::ElfImage image, pid_t pid);
  /// An ELF file in memory, for example the vdso. Null if it is none.
  [[nodiscard]] static std::shared_ptr<CodeFile> from_memory(std::vector<std::byte> bytes);

  /// The address of a byte in an executable segment.
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t file_offset) const;
  /// Null if no symbol covers it. Valid during the lifetime of this object.
  [[nodiscard]] const Name* name(std::uint64_t address);
  /// How the caller's registers are found at this address, from .eh_frame, else .debug_frame of the file or of its
  /// debug file; null if there is none. Valid until the next call.
  [[nodiscard]] Dwarf_Frame_s* rules(std::uint64_t address);
  /// Whether the next name() or rules() will be fast.
  [[nodiscard]] bool has_read_symbols() const { return symbols_.has_value(); }
  [[nodiscard]] bool has_read_rules() const { return has_read_rules_; }
  /// Bytes of the file's read-only segments; false if the address is elsewhere.
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
    std::uint64_t size = 0;  // offset in the file
    bool executable = false;
    bool writable = false;
  };
  using Cfi = std::unique_ptr<Dwarf_CFI_s, CfiCloser>;

  /// Rules of one file, in our own ELF file that contains nothing else.
  struct Rules {
    proc::ElfImage::Content file;  // must outlive elf
    std::unique_ptr<Elf, ElfCloser> elf;
    std::unique_ptr<Dwarf, DwarfCloser> dwarf;  // of .debug_frame
    Cfi of_eh_frame;
    Dwarf_CFI_s* cfi = nullptr;  // of_eh_frame, or owned by dwarf
  };

  explicit CodeFile(proc::ElfImage image, pid_t pid);
  const proc::ElfImage* debug_file();
  void read_symbols();
  void read_rules();

  proc::ElfImage image_;
  std::vector<Segment> segments_;
  pid_t pid_ = 0;

  bool looked_for_debug_file_ = false;
  std::optional<proc::ElfImage> debug_file_;
  std::optional<SymbolTable> symbols_;
  std::unordered_map<std::size_t, Name> names_;  // by symbol index

  bool has_read_rules_ = false;
  Rules eh_frame_;
  Rules debug_frame_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Dwarf_Frame_s, FrameFreer>> rules_;
};

}  // namespace aiotrace::symbolize
