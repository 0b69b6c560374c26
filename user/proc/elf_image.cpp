#include "proc/elf_image.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "machine/machine.h"
#include "proc/regular_file.h"
#include "proc/sparse_file.h"

namespace aiotrace::proc {
namespace {

// Limits: the symbol table of a large C++ program with debug symbols and its names are below these. A file's account
// also limits both together.
constexpr std::uint64_t kMaxTable = 32u << 20;
constexpr std::uint64_t kMaxStrings = 48u << 20;
// Some hundred bytes, in any file.
constexpr std::uint64_t kMaxSmall = 64u << 10;
constexpr std::uint64_t kMaxName = 4096;  // PATH_MAX
// An open file costs a descriptor too: a process with many mapped files must not use up all of them.
constexpr std::uint64_t kOpenFile = 32u << 10;

std::uint64_t page_of(std::uint64_t value) { return value & ~(machine::here().page_bytes - 1); }

bool has_inode(const UniqueFd& fd, std::uint64_t inode) {
  struct stat status{};
  return fd && ::fstat(fd.get(), &status) == 0 && status.st_ino == inode;
}

ElfImage::Section section_of(const Elf64_Shdr& header) {
  return {.address = header.sh_addr,
          .size = header.sh_size,
          .offset = header.sh_offset,
          .in_file = header.sh_type != SHT_NOBITS,
          .compressed = (header.sh_flags & SHF_COMPRESSED) != 0,
          .link = header.sh_link};
}

/// The n-th entry of a table, copied, because the vector of bytes is not aligned.
template <class T>
T entry(const std::vector<std::byte>& table, std::size_t n) {
  T value;
  std::memcpy(&value, table.data() + n * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

Result<ElfImage> ElfImage::from_fd(UniqueFd fd, std::string path, const FileBudget::Payer& payer) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("read " + path, errno);
  ElfImage image;
  // The file is read, never mapped: its owner could truncate it and so kill the reader by SIGBUS.
  image.fd_ = std::move(fd);
  image.path_ = std::move(path);
  image.file_size_ = static_cast<std::uint64_t>(status.st_size);
  image.identity_ = fmt::format("{}:{}:{}.{}:{}", status.st_dev, status.st_ino, status.st_ctim.tv_sec,
                                status.st_ctim.tv_nsec, status.st_size);
  image.account_ = std::make_shared<FileAccount>(FileBudget::of_program(), payer, image.identity_);
  if (auto read = image.read_headers(); !read) return std::unexpected(read.error());
  return image;
}

Result<ElfImage> ElfImage::from_memory(std::vector<std::byte> bytes, const FileBudget::Payer& payer) {
  ElfImage image;
  image.memory_ = std::move(bytes);
  image.path_ = "[memory]";
  image.file_size_ = image.memory_.size();
  image.account_ = std::make_shared<FileAccount>(FileBudget::of_program(), payer, image.identity_);
  if (auto read = image.read_headers(); !read) return std::unexpected(read.error());
  return image;
}

Status ElfImage::read_headers() {
  auto headers = read_elf_headers([this](auto offset, auto into) { return read_at(offset, into); }, file_size_);
  if (!headers) {
    auto error = std::move(headers.error());
    if (error.reason.starts_with("too large")) account_->refuse();
    error.what = "read " + path_;
    return std::unexpected(std::move(error));
  }
  headers_ = std::move(*headers);
  share_ = account_->take(headers_.memory() + (fd_ ? kOpenFile : memory_.size()));
  if (!share_) {
    return fail("read " + path_, "too large to read: too much is read for this process already", {},
                ErrorKind::unsupported);
  }
  return {};
}

Result<ElfImage> ElfImage::open(pid_t pid, const Mapping& mapping) {
  if (mapping.inode == 0) return fail("read the mapped file", "no file is mapped there");
  // The link leads to the mapped file itself, even if it was deleted or is in another mount namespace. It needs
  // CAP_SYS_ADMIN, or CAP_CHECKPOINT_RESTORE since Linux 5.9 (12886f8ab10c).
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
  return from_fd(std::move(fd), mapping.path, payer_of(pid));
}

Result<ElfImage> ElfImage::open_file(const std::string& path, const FileBudget::Payer& payer) {
  UniqueFd fd = open_regular(path);
  if (!fd) return fail("read " + path, "no such regular file, or not allowed");
  return from_fd(std::move(fd), path, payer);
}

Result<ElfImage> ElfImage::open_in_root(pid_t pid, const std::string& path) {
  UniqueFd fd = open_regular_in_root(pid, path);
  if (!fd) return fail("read " + path, "no such regular file, or not allowed");
  return from_fd(std::move(fd), path, payer_of(pid));
}

bool ElfImage::is_there(std::uint64_t offset, std::uint64_t size) const {
  if (offset > file_size_ || size > file_size_ - offset) return false;
  return !fd_ || !is_mostly_hole(fd_.get(), offset, size);
}

bool ElfImage::may_be_read_whole() const {
  constexpr std::uint64_t kMaxWhole = 64u << 20;
  if (file_size_ <= kMaxWhole && is_there(0, file_size_)) return account_->spend(file_size_);
  account_->refuse();
  return false;
}

ElfImage::Content ElfImage::content(const Section& section, std::uint64_t most) const {
  if (!section.in_file || section.size == 0) return {};
  if (section.size > most || !is_there(section.offset, section.size)) {
    // A file that is merely too short does not count as refused.
    if (section.size > most || section.offset + section.size <= file_size_) account_->refuse();
    return {};
  }
  Content content{.bytes = {}, .share = account_->take(section.size)};
  if (!content.share) return {};
  content.bytes = file_bytes(section.offset, section.size);
  if (content.bytes.size() != section.size) return {};
  return content;
}

void ElfImage::look_up(std::uint32_t table, std::span<const std::string_view> names,
                       std::vector<std::optional<Symbol>>& found) const {
  const auto section = section_of_type(table);
  const auto names_of_it = section ? section_at(section->link) : std::nullopt;
  if (!names_of_it) return;
  const auto symbols = content(*section, kMaxTable);
  if (symbols.bytes.empty()) return;
  const auto strings = content(*names_of_it, kMaxStrings);
  const auto text = strings.text();

  std::unordered_map<std::string_view, std::size_t> wanted;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) wanted.emplace(names[i], i);
  }
  const std::size_t count = symbols.bytes.size() / sizeof(Elf64_Sym);
  for (std::size_t i = 0; i < count && !wanted.empty(); ++i) {
    const auto symbol = entry<Elf64_Sym>(symbols.bytes, i);
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= text.size()) continue;
    const std::string_view rest = text.substr(symbol.st_name, kMaxName);
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
  const auto found = std::ranges::find_if(headers_.sections,
                                          [&](const auto& each) { return headers_.name_of(each) == name; });
  return found == headers_.sections.end() ? std::nullopt : std::optional(section_of(*found));
}

std::optional<ElfImage::Section> ElfImage::section_of_type(std::uint32_t type) const {
  const auto found = std::ranges::find(headers_.sections, type, &Elf64_Shdr::sh_type);
  return found == headers_.sections.end() ? std::nullopt : std::optional(section_of(*found));
}

std::optional<ElfImage::Section> ElfImage::section_at(std::uint32_t index) const {
  return index < headers_.sections.size() ? std::optional(section_of(headers_.sections[index])) : std::nullopt;
}

std::optional<ElfImage::ThreadLocal> ElfImage::thread_local_storage() const {
  const auto segment = std::ranges::find(headers_.segments, PT_TLS, &Elf64_Phdr::p_type);
  if (segment == headers_.segments.end()) return std::nullopt;
  ThreadLocal found{.size = segment->p_memsz, .module_word = std::nullopt};
  const auto section_found = section(".rela.dyn");
  if (!section_found) return found;
  const auto relocations = content(*section_found, kMaxTable);
  const auto count = relocations.bytes.size() / sizeof(Elf64_Rela);
  for (std::size_t i = 0; i < count && !found.module_word; ++i) {
    const auto each = entry<Elf64_Rela>(relocations.bytes, i);
    // If it has a symbol, it may be the number of the module that defines the symbol.
    if (ELF64_R_TYPE(each.r_info) == machine::here().module_relocation && ELF64_R_SYM(each.r_info) == 0)
      found.module_word = each.r_offset;
  }
  return found;
}

std::string ElfImage::soname() const {
  const auto found = section_of_type(SHT_DYNAMIC);
  const auto strings = found ? section_at(found->link) : std::nullopt;
  if (!strings || !strings->in_file) return {};
  const auto dynamic = content(*found, kMaxSmall);
  for (std::size_t i = 0; i < dynamic.bytes.size() / sizeof(Elf64_Dyn); ++i) {
    const auto each = entry<Elf64_Dyn>(dynamic.bytes, i);
    if (each.d_tag == DT_NULL) break;
    if (each.d_tag != DT_SONAME) continue;
    if (each.d_un.d_val >= strings->size) break;
    const auto bytes = file_bytes(strings->offset + each.d_un.d_val,
                                  std::min(kMaxName, strings->size - each.d_un.d_val));
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto end = text.find('\0');
    return end == std::string::npos ? std::string() : text.substr(0, end);
  }
  return {};
}

std::string ElfImage::build_id() const {
  const auto found = section(".note.gnu.build-id");
  if (!found) return {};
  const auto note = content(*found, kMaxSmall);
  if (note.bytes.size() < sizeof(Elf64_Nhdr)) return {};
  const auto header = entry<Elf64_Nhdr>(note.bytes, 0);
  // Name and content begin at multiples of 4.
  const auto begin = sizeof header + ((std::uint64_t{header.n_namesz} + 3) & ~std::uint64_t{3});
  if (header.n_type != NT_GNU_BUILD_ID || begin > note.bytes.size()) return {};
  if (header.n_descsz > note.bytes.size() - begin) return {};
  std::string hex;
  for (std::size_t i = 0; i < header.n_descsz && i < 64; ++i)
    hex += fmt::format("{:02x}", std::to_integer<unsigned>(note.bytes[begin + i]));
  return hex;
}

std::optional<std::uint64_t> ElfImage::bias(const Maps& maps, const Mapping& mapping) const {
  for (const Mapping& candidate : maps.all()) {
    // A program can also map its file as plain data: only the loader maps it executable.
    if (!candidate.executable || !candidate.same_file(mapping)) continue;
    for (const auto& segment : headers_.segments) {
      if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
      if (page_of(segment.p_offset) == candidate.offset) return candidate.start - page_of(segment.p_vaddr);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ElfImage::file_offset(std::uint64_t address) const {
  for (const auto& segment : headers_.segments) {
    if (segment.p_type != PT_LOAD) continue;
    if (address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz) continue;
    const auto offset = address - segment.p_vaddr + segment.p_offset;
    // A segment may claim more than the file has.
    return offset < file_size_ ? std::optional(offset) : std::nullopt;
  }
  return std::nullopt;
}

bool ElfImage::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset > file_size_ || into.size() > file_size_ - offset) return false;
  if (!fd_) {
    if (!into.empty()) std::memcpy(into.data(), memory_.data() + offset, into.size());
    return true;
  }
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = ::pread(fd_.get(), into.data() + have, into.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    have += static_cast<std::size_t>(got);
  }
  return true;
}

std::vector<std::byte> ElfImage::file_bytes(std::uint64_t offset, std::size_t size) const {
  if (offset >= file_size_) return {};
  std::vector<std::byte> bytes(std::min<std::uint64_t>(size, file_size_ - offset));
  if (!read_at(offset, bytes)) bytes.clear();
  return bytes;
}

}  // namespace aiotrace::proc
