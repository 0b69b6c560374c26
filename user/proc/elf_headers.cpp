#include "proc/elf_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace aiotrace::proc {
namespace {

template <class T>
bool read_one(const ReadAt& read, std::uint64_t offset, T& into) {
  return read(offset, std::as_writable_bytes(std::span(&into, 1)));
}

/// True if `count` entries of `size` bytes lie in the file.
bool lies_in(std::uint64_t offset, std::uint64_t count, std::uint64_t size, std::uint64_t file_size) {
  return offset <= file_size && count <= (file_size - offset) / size;
}

std::unexpected<Error> too_large(std::uint64_t count, std::string_view what) {
  return fail("it", fmt::format("too large to read: it claims {} {}", count, what), {}, ErrorKind::unsupported);
}

struct Counts {
  std::uint64_t segments = 0;
  std::uint64_t sections = 0;
  std::uint64_t names = 0;  // index of the section
};

/// Values that do not fit into the header's 16 bits are in the first section (gABI, "ELF Header").
Counts counts_of(const ReadAt& read, const Elf64_Ehdr& header, std::uint64_t file_size) {
  Counts counts{.segments = header.e_phnum, .sections = header.e_shnum, .names = header.e_shstrndx};
  if (header.e_shoff == 0 || header.e_shentsize != sizeof(Elf64_Shdr)) {
    counts.sections = 0;
    return counts;
  }
  Elf64_Shdr first{};
  if (!lies_in(header.e_shoff, 1, sizeof first, file_size) || !read_one(read, header.e_shoff, first)) {
    counts.sections = 0;
    return counts;
  }
  if (header.e_shnum == 0) counts.sections = first.sh_size;
  if (header.e_shstrndx == SHN_XINDEX) counts.names = first.sh_link;
  if (header.e_phnum == PN_XNUM) counts.segments = first.sh_info;
  return counts;
}

}  // namespace

std::string_view ElfHeaders::name_of(const Elf64_Shdr& section) const {
  if (section.sh_name >= names.size()) return {};
  const auto rest = std::string_view(names).substr(section.sh_name);
  return rest.substr(0, rest.find('\0'));
}

std::uint64_t ElfHeaders::memory() const {
  return sizeof(ElfHeaders) + segments.size() * sizeof(Elf64_Phdr) + sections.size() * sizeof(Elf64_Shdr) +
         names.size();
}

Result<ElfHeaders> read_elf_headers(const ReadAt& read, std::uint64_t file_size) {
  ElfHeaders found;
  const auto& ident = found.header.e_ident;
  if (!read_one(read, 0, found.header) || std::memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_VERSION] != EV_CURRENT)
    return fail("it", "not an ELF file");
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
    return fail("it", "not a 64-bit program", {}, ErrorKind::unsupported);
  const auto counts = counts_of(read, found.header, file_size);
  if (counts.sections > ElfHeaders::kMaxSections) return too_large(counts.sections, "sections");
  if (counts.segments > ElfHeaders::kMaxSegments) return too_large(counts.segments, "segments");
  if (counts.segments > 0 && found.header.e_phentsize == sizeof(Elf64_Phdr) &&
      lies_in(found.header.e_phoff, counts.segments, sizeof(Elf64_Phdr), file_size)) {
    found.segments.resize(counts.segments);
    if (!read(found.header.e_phoff, std::as_writable_bytes(std::span(found.segments)))) found.segments.clear();
  }
  if (!lies_in(found.header.e_shoff, counts.sections, sizeof(Elf64_Shdr), file_size)) return found;
  found.sections.resize(counts.sections);
  if (!read(found.header.e_shoff, std::as_writable_bytes(std::span(found.sections)))) found.sections.clear();
  if (counts.names >= found.sections.size()) return found;
  const auto& names = found.sections[counts.names];
  if (names.sh_type == SHT_NOBITS || !lies_in(names.sh_offset, names.sh_size, 1, file_size)) return found;
  if (names.sh_size > ElfHeaders::kMaxNames) return too_large(names.sh_size, "bytes of section names");
  found.names.resize(names.sh_size);
  if (!read(names.sh_offset, std::as_writable_bytes(std::span(found.names)))) found.names.clear();
  return found;
}

}  // namespace aiotrace::proc
