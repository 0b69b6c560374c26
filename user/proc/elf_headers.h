// The headers of an ELF file: read once into memory of ours, checked, and from then on the only truth about the file.
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

/// Who maps a file may change it at any time: what was checked here is not read again.
struct ElfHeaders {
  /// Programs and libraries have some dozen of each; a debug file one or two for each kind of content.
  static constexpr std::uint64_t kMaxSections = 4096;
  static constexpr std::uint64_t kMaxSegments = 1024;
  static constexpr std::uint64_t kMaxNames = 256u << 10;  ///< bytes of all sections' names

  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections;  ///< empty where the file has none, or was cut off before them
  std::string names;                 ///< of the sections; a null byte is behind it

  /// Empty: it has none.
  [[nodiscard]] std::string_view name_of(const Elf64_Shdr& section) const;
  /// Bytes that it takes.
  [[nodiscard]] std::uint64_t memory() const;
};

/// All of `into` from an offset on; false: they are not there.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> into)>;

/// 64-bit little-endian files. Reads at most 600 KB, whatever the file claims: counts are checked before anything is
/// read by them. Errors (without the file's name): not such a file (unsupported: another class); too large to read.
[[nodiscard]] Result<ElfHeaders> read_elf_headers(const ReadAt& read, std::uint64_t file_size);

}  // namespace aiotrace::proc
