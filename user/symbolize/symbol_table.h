// The functions of one ELF file, by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// Addresses are those of the file. Takes 24 bytes for each function, and the file's unchanged table of names.
class SymbolTable {
 public:
  struct Hit {
    std::string_view name;  ///< as in the file (mangled, with version); valid as long as the table
    std::uint64_t start = 0;
    std::size_t number = 0;  ///< identifies the entry: the same for every address of the function
  };

  /// Adds the functions of a table of `type` (SHT_SYMTAB, SHT_DYNSYM) in executable sections. False if there is no such
  /// table, it has no function, or it is too large to read.
  bool add(const proc::ElfImage& image, std::uint32_t type);
  /// To be called after the last add() and before the first find().
  void finish();
  /// The innermost function that covers the address. A function without a size ends at the next symbol, at most at the
  /// end of its section. Nothing between functions: in a stripped file private functions have no name.
  [[nodiscard]] std::optional<Hit> find(std::uint64_t address) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t size = 0;  // bytes
    std::uint32_t name = 0;  // in names_[table]
    std::uint16_t length = 0;
    std::uint8_t table = 0;
    std::uint8_t rank : 7 = 0;
    bool sized : 1 = false;
  };
  [[nodiscard]] std::string_view name_of(const Entry& entry) const;
  [[nodiscard]] bool is_before(const Entry& a, const Entry& b) const;

  std::vector<Entry> entries_;
  std::vector<proc::FileAccount::Share> shares_;  // of entries_
  // The tables as in the files: equal names, and names that are the end of another one, share their bytes there,
  // however many there are.
  std::vector<proc::ElfImage::Content> names_;
};

}  // namespace aiotrace::symbolize
