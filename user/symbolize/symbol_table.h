// The functions of one ELF file, by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct Elf;

namespace aiotrace::symbolize {

/// Addresses are those of the file. 24 bytes for each function and its name.
class SymbolTable {
 public:
  struct Hit {
    std::string_view name;  ///< as in the file (mangled, with version); valid as long as the table
    std::uint64_t start = 0;
    std::size_t number = 0;  ///< names the entry: the same for every address of the function
  };

  /// Takes the functions of a table of `type` (SHT_SYMTAB, SHT_DYNSYM): what lies in executable sections. False if
  /// there is no such table or it holds no function. Tables above 64 MiB and names beyond 256 MiB are left out.
  bool add(Elf* elf, std::uint32_t type);
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
    std::uint32_t name = 0;  // in names_
    std::uint8_t rank = 0;
    bool sized = false;
  };
  [[nodiscard]] std::string_view name_of(const Entry& entry) const;

  std::vector<Entry> entries_;
  std::string names_;  // each ends with a null byte
};

}  // namespace aiotrace::symbolize
