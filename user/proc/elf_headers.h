// The headers of an ELF file: read once into our own memory and checked; from then on only this copy is used.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::proc {

/// A program that maps a file may change it at any time, so the checked data is not read again.
struct ElfHeaders {
  /// Programs and libraries have some dozen sections and segments; a debug file one or two sections for each kind of
  /// content.
  static constexpr std::uint64_t kMaxSections = 4096;
  static constexpr std::uint64_t kMaxSegments = 1024;
  static constexpr std::uint64_t kMaxNames = 256u << 10;  ///< size of the names of all sections

  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections;  ///< empty if the file has none, or was cut off before them
  std::string names;                 ///< names of the sections; a null byte follows

  /// Empty: it has no name.
  [[nodiscard]] std::string_view name_of(const Elf64_Shdr& section) const;
  /// Size in memory.
  [[nodiscard]] std::uint64_t memory() const;
};

/// Reads all of `into` from an offset on; false: the file is too short.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> into)>;

/// 64-bit little-endian files. Reads at most 600 KB, whatever the file claims: counts are checked before they are used
/// for reading. Errors (without the file's name): not such a file (unsupported: another class); too large to read.
[[nodiscard]] Result<ElfHeaders> read_elf_headers(const ReadAt& read, std::uint64_t file_size);

}  // namespace aiotrace::proc
