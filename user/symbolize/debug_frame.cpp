#include "symbolize/debug_frame.h"
#include "machine/machine.h"

#include <elf.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/cfi_check.h"

namespace aiotrace::symbolize {
namespace {

using Content = proc::ElfImage::Content;
using Section = proc::ElfImage::Section;

constexpr std::uint64_t kMaxSize = 24u << 20;
// libdw stores some hundred bytes for each entry (16 bytes or more) that it has passed.
constexpr std::uint64_t kMaxWithoutTable = 4u << 20;

/// SHF_COMPRESSED: a header, then a zlib stream (gABI, "Section Compression").
Content unpacked(const proc::ElfImage& image, const Content& packed) {
  Elf64_Chdr header;
  if (packed.bytes.size() < sizeof header) return {};
  std::memcpy(&header, packed.bytes.data(), sizeof header);
  if (header.ch_type != ELFCOMPRESS_ZLIB) return {};
  if (header.ch_size > kMaxSize) {
    image.account().refuse();
    return {};
  }
  Content plain{.bytes = {}, .share = image.account().take(header.ch_size)};
  if (!plain.share) return {};
  plain.bytes.resize(header.ch_size);
  uLongf size = plain.bytes.size();
  const int state = ::uncompress(reinterpret_cast<Bytef*>(plain.bytes.data()), &size,
                                 reinterpret_cast<const Bytef*>(packed.bytes.data() + sizeof header),
                                 packed.bytes.size() - sizeof header);
  if (state != Z_OK || size != plain.bytes.size()) return {};
  return plain;
}

struct Part {
  std::string_view name;
  std::uint64_t address = 0;
  std::span<const std::byte> bytes;
};

constexpr std::uint64_t aligned(std::uint64_t at) { return (at + 15) & ~std::uint64_t{15}; }

/// An ELF file of these sections, charged to the account of the original file.
Content file_of(const proc::ElfImage& image, std::span<const Part> parts) {
  std::string names(1, '\0');
  std::vector<Elf64_Shdr> sections(parts.size() + 2);
  std::uint64_t end = sizeof(Elf64_Ehdr) + sections.size() * sizeof(Elf64_Shdr);
  const auto place = [&](Elf64_Shdr& section, std::string_view name, std::uint32_t type, std::uint64_t size) {
    section.sh_name = static_cast<std::uint32_t>(names.size());
    (names += name) += '\0';
    section.sh_type = type;
    section.sh_offset = aligned(end);
    section.sh_size = size;
    section.sh_addralign = 8;
    end = section.sh_offset + size;
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    place(sections[i + 1], parts[i].name, SHT_PROGBITS, parts[i].bytes.size());
    sections[i + 1].sh_addr = parts[i].address;
    sections[i + 1].sh_flags = parts[i].address != 0 ? SHF_ALLOC : 0;
  }
  constexpr std::string_view kNames = ".shstrtab";
  place(sections.back(), kNames, SHT_STRTAB, names.size() + kNames.size() + 1);

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = machine::here().elf_machine;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<std::uint16_t>(sections.size());
  header.e_shstrndx = static_cast<std::uint16_t>(sections.size() - 1);
  header.e_shoff = sizeof header;

  Content file{.bytes = {}, .share = image.account().take(end)};
  if (!file.share) return {};
  file.bytes.resize(end);
  std::memcpy(file.bytes.data(), &header, sizeof header);
  std::memcpy(file.bytes.data() + sizeof header, sections.data(), sections.size() * sizeof(Elf64_Shdr));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::memcpy(file.bytes.data() + sections[i + 1].sh_offset, parts[i].bytes.data(), parts[i].bytes.size());
  }
  std::memcpy(file.bytes.data() + sections.back().sh_offset, names.data(), names.size());
  return file;
}

struct EhFrame {
  std::optional<Section> table;  // .eh_frame_hdr
  std::optional<Section> rules;
};

/// The table's head: version 1, then the encodings of the three numbers that follow, and the first of these numbers,
/// the distance to .eh_frame from where it stands (DW_EH_PE_pcrel | DW_EH_PE_sdata4: all linkers write this). The end
/// of the rules is unknown: it is at the end of the segment at the latest (LSB, "Exception Frame Header").
EhFrame by_segments(const proc::ElfImage& image) {
  constexpr std::byte kVersion{1};
  constexpr std::byte kRelative{0x1b};
  const auto& segments = image.headers().segments;
  const auto head = std::ranges::find(segments, PT_GNU_EH_FRAME, &Elf64_Phdr::p_type);
  if (head == segments.end()) return {};
  const auto bytes = image.file_bytes(head->p_offset, 8);
  if (bytes.size() != 8 || bytes[0] != kVersion || bytes[1] != kRelative) return {};
  std::int32_t distance = 0;
  std::memcpy(&distance, bytes.data() + 4, sizeof distance);
  const std::uint64_t address = head->p_vaddr + 4 + static_cast<std::uint64_t>(std::int64_t{distance});
  EhFrame found;
  found.table = Section{.address = head->p_vaddr, .size = head->p_filesz, .offset = head->p_offset, .in_file = true};
  for (const auto& segment : segments) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const auto within = address - segment.p_vaddr;
    if (within >= segment.p_filesz) continue;
    found.rules = Section{
        .address = address, .size = segment.p_filesz - within, .offset = segment.p_offset + within, .in_file = true};
  }
  return found;
}

EhFrame find_eh_frame(const proc::ElfImage& image) {
  EhFrame found{.table = image.section(".eh_frame_hdr"), .rules = image.section(".eh_frame")};
  return found.rules && found.rules->in_file ? found : by_segments(image);
}

bool is_fit(const proc::ElfImage& image, const Content& rules, FrameSection kind) {
  if (rules.bytes.empty()) return false;
  if (is_harmless(rules.bytes, kind)) return true;
  image.account().refuse();
  return false;
}

}  // namespace

Content debug_frame_only(const proc::ElfImage& image) {
  const auto section = image.section(".debug_frame");
  if (!section) return {};
  auto content = image.content(*section, kMaxSize);
  if (section->compressed) content = unpacked(image, content);
  if (!is_fit(image, content, FrameSection::debug_frame)) return {};
  const Part part{.name = ".debug_frame", .address = 0, .bytes = content.bytes};
  return file_of(image, std::span(&part, 1));
}

Content eh_frame_only(const proc::ElfImage& image) {
  const auto found = find_eh_frame(image);
  if (!found.rules || found.rules->compressed) return {};
  Content table;
  if (found.table && !found.table->compressed) table = image.content(*found.table, kMaxSize);
  const auto rules = image.content(*found.rules, table.bytes.empty() ? kMaxWithoutTable : kMaxSize);
  if (!is_fit(image, rules, FrameSection::eh_frame)) return {};
  std::vector<Part> parts;
  // Before the rules, because libdw uses the table that it has found before them.
  if (!table.bytes.empty())
    parts.push_back({.name = ".eh_frame_hdr", .address = found.table->address, .bytes = table.bytes});
  parts.push_back({.name = ".eh_frame", .address = found.rules->address, .bytes = rules.bytes});
  return file_of(image, parts);
}

}  // namespace aiotrace::symbolize
