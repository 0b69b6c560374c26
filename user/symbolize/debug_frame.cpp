#include "symbolize/debug_frame.h"

#include <elf.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace aiotrace::symbolize {
namespace {

constexpr std::uint64_t kMaxSize = 64u << 20;

/// SHF_COMPRESSED: a header, then a zlib stream (gABI, "Section Compression").
std::vector<std::byte> unpacked(const std::vector<std::byte>& bytes) {
  Elf64_Chdr header;
  if (bytes.size() < sizeof header) return {};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.ch_type != ELFCOMPRESS_ZLIB || header.ch_size > kMaxSize) return {};
  std::vector<std::byte> plain(header.ch_size);
  uLongf size = plain.size();
  const int state = ::uncompress(reinterpret_cast<Bytef*>(plain.data()), &size,
                                 reinterpret_cast<const Bytef*>(bytes.data() + sizeof header),
                                 bytes.size() - sizeof header);
  if (state != Z_OK || size != plain.size()) return {};
  return plain;
}

}  // namespace

std::vector<std::byte> debug_frame_only(const proc::ElfImage& image) {
  const auto section = image.section(".debug_frame");
  if (!section || !section->in_file || section->size == 0 || section->size > kMaxSize) return {};
  std::vector<std::byte> content = image.file_bytes(section->offset, section->size);
  if (content.size() != section->size) return {};
  if (section->compressed) content = unpacked(content);
  if (content.empty()) return {};

  constexpr std::string_view kNames("\0.debug_frame\0.shstrtab\0", 24);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header;

  Elf64_Shdr sections[3]{};
  const std::uint64_t names_at = sizeof header + sizeof sections;
  const std::uint64_t content_at = (names_at + kNames.size() + 15) & ~std::uint64_t{15};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = content_at;
  sections[1].sh_size = content.size();
  sections[1].sh_addralign = 8;
  sections[2].sh_name = 14;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = names_at;
  sections[2].sh_size = kNames.size();
  sections[2].sh_addralign = 1;

  std::vector<std::byte> file(content_at + content.size());
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, sections, sizeof sections);
  std::memcpy(file.data() + names_at, kNames.data(), kNames.size());
  std::memcpy(file.data() + content_at, content.data(), content.size());
  return file;
}

}  // namespace aiotrace::symbolize
