#include "proc/elf_image.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "proc/regular_file.h"

namespace aiotrace::proc {
namespace {

// A symbol table of a large C++ program with debug symbols is below this; more is a broken or hostile file.
constexpr std::uint64_t kMaxSection = 512u << 20;
constexpr std::uint64_t kPage = 4096;

std::uint64_t page_of(std::uint64_t value) { return value & ~(kPage - 1); }

bool has_inode(const UniqueFd& fd, std::uint64_t inode) {
  struct stat status{};
  return fd && ::fstat(fd.get(), &status) == 0 && status.st_ino == inode;
}

struct Found {
  Elf_Scn* section = nullptr;
  GElf_Shdr header{};
};

std::optional<Found> find_section(Elf* elf, std::uint32_t type, std::string_view name = {}) {
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  Found found;
  while ((found.section = ::elf_nextscn(elf, found.section)) != nullptr) {
    if (::gelf_getshdr(found.section, &found.header) == nullptr) continue;
    if (!name.empty()) {
      const char* text = ::elf_strptr(elf, names, found.header.sh_name);
      if (text == nullptr || name != text) continue;
    } else if (found.header.sh_type != type) {
      continue;
    }
    return found;
  }
  return std::nullopt;
}

Elf_Data* data_of(const Found& found) {
  return found.header.sh_size <= kMaxSection ? ::elf_getdata(found.section, nullptr) : nullptr;
}

template <class Visit>
bool visit_load_segments(Elf* elf, Visit visit) {
  std::size_t count = 0;
  if (::elf_getphdrnum(elf, &count) != 0) return false;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) return false;
    if (header.p_type == PT_LOAD && visit(header)) return true;
  }
  return false;
}

}  // namespace

void ElfImage::ElfCloser::operator()(Elf* elf) const noexcept { ::elf_end(elf); }

Result<ElfImage> ElfImage::from_fd(UniqueFd fd, std::string path) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("read " + path, errno);
  ::elf_version(EV_CURRENT);
  ElfImage image;
  image.fd_ = std::move(fd);
  // Not ELF_C_READ_MMAP: whoever owns the file could cut it short and so kill the reader by SIGBUS.
  image.elf_.reset(::elf_begin(image.fd_.get(), ELF_C_READ, nullptr));
  if (!image.elf_ || ::elf_kind(image.elf_.get()) != ELF_K_ELF) return fail("read " + path, "not an ELF file");
  if (::gelf_getclass(image.elf_.get()) != ELFCLASS64) {
    return fail("read " + path, "not a 64-bit program", {}, ErrorKind::unsupported);
  }
  image.path_ = std::move(path);
  image.file_size_ = static_cast<std::uint64_t>(status.st_size);
  image.identity_ = fmt::format("{}:{}:{}.{}:{}", status.st_dev, status.st_ino, status.st_ctim.tv_sec,
                                status.st_ctim.tv_nsec, status.st_size);
  return image;
}

Result<ElfImage> ElfImage::open(pid_t pid, const Mapping& mapping) {
  if (mapping.inode == 0) return fail("read the mapped file", "no file is mapped there");
  // The link leads to the mapped file itself, also when it has been deleted or lies in another mount namespace. It
  // needs CAP_SYS_ADMIN, or CAP_CHECKPOINT_RESTORE since Linux 5.9 (12886f8ab10c).
  UniqueFd fd = open_regular(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end));
  if (!fd && !mapping.deleted) {
    fd = open_regular_in_root(pid, mapping.path);
    if (!has_inode(fd, mapping.inode)) fd = open_regular(mapping.path);
    if (!has_inode(fd, mapping.inode)) fd.reset();
  }
  if (!fd) {
    return fail("read " + mapping.path, mapping.deleted ? "it has been deleted" : "the mapped file is not there",
                "run as root", ErrorKind::not_permitted);
  }
  return from_fd(std::move(fd), mapping.path);
}

Result<ElfImage> ElfImage::open_file(const std::string& path) {
  UniqueFd fd = open_regular(path);
  if (!fd) return fail("read " + path, "no such regular file, or not allowed");
  return from_fd(std::move(fd), path);
}

Result<ElfImage> ElfImage::open_in_root(pid_t pid, const std::string& path) {
  UniqueFd fd = open_regular_in_root(pid, path);
  if (!fd) return fail("read " + path, "no such regular file, or not allowed");
  return from_fd(std::move(fd), path);
}

void ElfImage::look_up(std::uint32_t table, std::span<const std::string_view> names,
                       std::vector<std::optional<Symbol>>& found) const {
  const auto symbols = find_section(elf_.get(), table);
  if (!symbols) return;
  Elf_Data* data = data_of(*symbols);
  if (data == nullptr) return;
  Elf_Scn* string_section = ::elf_getscn(elf_.get(), symbols->header.sh_link);
  GElf_Shdr string_header;
  if (string_section == nullptr || ::gelf_getshdr(string_section, &string_header) == nullptr) return;
  Elf_Data* strings = data_of({string_section, string_header});
  if (strings == nullptr || strings->d_buf == nullptr) return;
  const std::string_view text(static_cast<const char*>(strings->d_buf), strings->d_size);

  std::unordered_map<std::string_view, std::size_t> wanted;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) wanted.emplace(names[i], i);
  }
  const std::size_t count = data->d_size / sizeof(Elf64_Sym);
  for (std::size_t i = 0; i < count && !wanted.empty(); ++i) {
    GElf_Sym symbol;
    if (::gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= text.size()) continue;
    const std::string_view rest = text.substr(symbol.st_name);
    const auto hit = wanted.find(rest.substr(0, rest.find('\0')));
    if (hit == wanted.end()) continue;
    found[hit->second] = Symbol{.address = symbol.st_value, .size = symbol.st_size};
    wanted.erase(hit);
  }
}

std::vector<std::optional<ElfImage::Symbol>> ElfImage::symbols(std::span<const std::string_view> names) const {
  std::vector<std::optional<Symbol>> found(names.size());
  look_up(SHT_DYNSYM, names, found);
  if (std::ranges::any_of(found, [](const auto& symbol) { return !symbol; })) look_up(SHT_SYMTAB, names, found);
  return found;
}

std::optional<ElfImage::Symbol> ElfImage::symbol(std::string_view name) const {
  return symbols(std::span(&name, 1)).front();
}

std::optional<ElfImage::Section> ElfImage::section(std::string_view name) const {
  const auto found = find_section(elf_.get(), SHT_NULL, name);
  if (!found) return std::nullopt;
  return Section{.address = found->header.sh_addr,
                 .size = found->header.sh_size,
                 .offset = found->header.sh_offset,
                 .in_file = found->header.sh_type != SHT_NOBITS,
                 .compressed = (found->header.sh_flags & SHF_COMPRESSED) != 0};
}

std::string ElfImage::soname() const {
  const auto found = find_section(elf_.get(), SHT_DYNAMIC);
  Elf_Data* data = found ? data_of(*found) : nullptr;
  if (data == nullptr) return {};
  for (int i = 0; static_cast<std::size_t>(i) < data->d_size / sizeof(Elf64_Dyn); ++i) {
    GElf_Dyn entry;
    if (::gelf_getdyn(data, i, &entry) == nullptr || entry.d_tag == DT_NULL) break;
    if (entry.d_tag != DT_SONAME) continue;
    const char* text = ::elf_strptr(elf_.get(), found->header.sh_link, entry.d_un.d_val);
    return text ? text : std::string();
  }
  return {};
}

std::string ElfImage::build_id() const {
  const auto found = find_section(elf_.get(), SHT_NULL, ".note.gnu.build-id");
  Elf_Data* data = found ? data_of(*found) : nullptr;
  if (data == nullptr) return {};
  GElf_Nhdr note;
  std::size_t name = 0;
  std::size_t content = 0;
  if (::gelf_getnote(data, 0, &note, &name, &content) == 0 || note.n_type != NT_GNU_BUILD_ID) return {};
  std::string hex;
  for (std::size_t i = 0; i < note.n_descsz && i < 64; ++i) {
    hex += fmt::format("{:02x}", static_cast<const unsigned char*>(data->d_buf)[content + i]);
  }
  return hex;
}

std::optional<std::uint64_t> ElfImage::bias(const Maps& maps, const Mapping& mapping) const {
  for (const Mapping& candidate : maps.all()) {
    // A program can also have its file mapped as plain data: only the loader maps it executable.
    if (!candidate.executable || !candidate.same_file(mapping)) continue;
    std::optional<std::uint64_t> bias;
    visit_load_segments(elf_.get(), [&](const GElf_Phdr& segment) {
      if (!(segment.p_flags & PF_X) || page_of(segment.p_offset) != candidate.offset) return false;
      bias = candidate.start - page_of(segment.p_vaddr);
      return true;
    });
    if (bias) return bias;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ElfImage::file_offset(std::uint64_t address) const {
  std::optional<std::uint64_t> offset;
  visit_load_segments(elf_.get(), [&](const GElf_Phdr& segment) {
    if (address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz) return false;
    offset = address - segment.p_vaddr + segment.p_offset;
    return true;
  });
  // A segment may claim what the file does not have.
  if (offset && *offset >= file_size_) return std::nullopt;
  return offset;
}

std::vector<std::byte> ElfImage::file_bytes(std::uint64_t offset, std::size_t size) const {
  if (offset >= file_size_) return {};
  std::vector<std::byte> bytes(std::min<std::uint64_t>(size, file_size_ - offset));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::pread(fd_.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace aiotrace::proc
