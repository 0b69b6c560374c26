// The functions of one ELF file, by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// Addresses are those of the file. Takes 24 bytes for each function, and the file's table of names as it is.
class SymbolTable {
 public:
  struct Hit {
    std::string_view name;  ///< as in the file (mangled, with version); valid as long as the table
    std::uint64_t start = 0;
    std::size_t number = 0;  ///< names the entry: the same for every address of the function
  };

  /// Takes the functions of a table of `type` (SHT_SYMTAB, SHT_DYNSYM): what lies in executable sections. False if
  /// there is no such table, it holds no function, or it is too large to read.
  bool add(const proc::ElfImage& image, std::uint32_t type);
  /// After the last add(), before the first find().
  void finish();
  /// The innermost function that covers the address. One without a size reaches to the next symbol, at most to the end
  /// of its section. Nothing between functions: a stripped file's private functions have no name.
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
  // As the files have them: names of the same text, or of its end, share their bytes there, however many they are.
  std::vector<proc::ElfImage::Content> names_;
};

}  // namespace aiotrace::symbolize
