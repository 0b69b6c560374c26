#include "symbolize/code_file.h"

#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "symbolize/debug_file.h"
#include "symbolize/debug_frame.h"
#include "symbolize/demangle.h"

namespace aiotrace::symbolize {
namespace {

// Rules kept for one file: some hundred bytes each. Stacks of one program come back to the same few call sites.
constexpr std::size_t kMaxRules = 16384;
constexpr std::size_t kMaxNames = 65536;

Elf* elf_in(std::vector<std::byte>& bytes) {
  ::elf_version(EV_CURRENT);
  return ::elf_memory(reinterpret_cast<char*>(bytes.data()), bytes.size());
}

}  // namespace

void CodeFile::ElfCloser::operator()(Elf* elf) const noexcept { ::elf_end(elf); }
void CodeFile::CfiCloser::operator()(Dwarf_CFI_s* cfi) const noexcept { ::dwarf_cfi_end(cfi); }
void CodeFile::FrameFreer::operator()(Dwarf_Frame_s* frame) const noexcept { std::free(frame); }
void CodeFile::DwarfCloser::operator()(Dwarf* dwarf) const noexcept { ::dwarf_end(dwarf); }

std::shared_ptr<CodeFile> CodeFile::from_elf(std::shared_ptr<CodeFile> file) {
  if (!file->elf_ || ::elf_kind(file->elf_.get()) != ELF_K_ELF || ::gelf_getclass(file->elf_.get()) != ELFCLASS64) {
    return nullptr;
  }
  std::size_t count = 0;
  if (::elf_getphdrnum(file->elf_.get(), &count) != 0) return nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(file->elf_.get(), static_cast<int>(i), &header) == nullptr) break;
    if (header.p_type != PT_LOAD) continue;
    file->segments_.push_back({.offset = header.p_offset,
                               .address = header.p_vaddr,
                               .size = header.p_filesz,
                               .executable = (header.p_flags & PF_X) != 0,
                               .writable = (header.p_flags & PF_W) != 0});
  }
  return file;
}

std::shared_ptr<CodeFile> CodeFile::from_image(proc::ElfImage image, pid_t pid) {
  std::shared_ptr<CodeFile> file(new CodeFile);
  file->pid_ = pid;
  file->image_ = std::move(image);
  // A handle of its own: what libelf keeps for the tables goes with it. Not ELF_C_READ_MMAP: see ElfImage.
  file->elf_.reset(::elf_begin(file->image_->fd(), ELF_C_READ, nullptr));
  return from_elf(std::move(file));
}

std::shared_ptr<CodeFile> CodeFile::from_memory(std::vector<std::byte> bytes) {
  if (bytes.empty()) return nullptr;
  std::shared_ptr<CodeFile> file(new CodeFile);
  file->memory_ = std::move(bytes);
  file->elf_.reset(elf_in(file->memory_));
  return from_elf(std::move(file));
}

std::optional<std::uint64_t> CodeFile::address_of(std::uint64_t file_offset) const {
  for (const Segment& segment : segments_) {
    if (!segment.executable || file_offset < segment.offset || file_offset - segment.offset >= segment.size) continue;
    return file_offset - segment.offset + segment.address;
  }
  return std::nullopt;
}

bool CodeFile::read(std::uint64_t address, std::span<std::byte> into) const {
  for (const Segment& segment : segments_) {
    if (segment.writable || address < segment.address || address - segment.address >= segment.size) continue;
    if (into.size() > segment.size - (address - segment.address)) return false;
    const std::uint64_t offset = address - segment.address + segment.offset;
    if (!image_) {
      if (offset > memory_.size() || into.size() > memory_.size() - offset) return false;
      std::memcpy(into.data(), memory_.data() + offset, into.size());
      return true;
    }
    const auto bytes = image_->file_bytes(offset, into.size());
    if (bytes.size() != into.size()) return false;
    std::memcpy(into.data(), bytes.data(), bytes.size());
    return true;
  }
  return false;
}

const proc::ElfImage* CodeFile::debug_file() {
  if (!looked_for_debug_file_ && image_) debug_file_ = find_debug_file(*image_, pid_);
  looked_for_debug_file_ = true;
  return debug_file_ ? &*debug_file_ : nullptr;
}

void CodeFile::read_symbols() {
  symbols_.emplace();
  // Each in a handle that ends here: libelf keeps what it has read as long as the handle.
  const auto add_from = [this](int fd, std::uint32_t type) {
    const std::unique_ptr<Elf, ElfCloser> elf(::elf_begin(fd, ELF_C_READ, nullptr));
    return elf && symbols_->add(elf.get(), type);
  };
  if (!image_) {
    if (!symbols_->add(elf_.get(), SHT_SYMTAB)) symbols_->add(elf_.get(), SHT_DYNSYM);
  } else if (!add_from(image_->fd(), SHT_SYMTAB)) {
    add_from(image_->fd(), SHT_DYNSYM);
    const auto* separate = debug_file();
    if (separate == nullptr || !add_from(separate->fd(), SHT_SYMTAB)) {
      if (auto mini = mini_debug_info(*image_); !mini.empty()) {
        const std::unique_ptr<Elf, ElfCloser> elf(elf_in(mini));
        if (elf) symbols_->add(elf.get(), SHT_SYMTAB);
      }
    }
  }
  symbols_->finish();
}

const CodeFile::Name* CodeFile::name(std::uint64_t address) {
  if (!symbols_) read_symbols();
  const auto hit = symbols_->find(address);
  if (!hit) return nullptr;
  const auto known = names_.find(hit->number);
  if (known != names_.end()) return &known->second;
  if (names_.size() >= kMaxNames) names_.clear();
  return &names_.emplace(hit->number, Name{.function = plain_name(hit->name), .start = hit->start}).first->second;
}

void CodeFile::read_rules() {
  has_read_rules_ = true;
  eh_frame_.reset(::dwarf_getcfi_elf(elf_.get()));
  if (!image_) return;
  debug_frame_ = debug_frame_only(*image_);
  if (debug_frame_.empty() && debug_file() != nullptr) debug_frame_ = debug_frame_only(*debug_file());
  if (debug_frame_.empty()) return;
  debug_frame_elf_.reset(elf_in(debug_frame_));
  if (debug_frame_elf_) dwarf_.reset(::dwarf_begin_elf(debug_frame_elf_.get(), DWARF_C_READ, nullptr));
  if (dwarf_) debug_frame_cfi_ = ::dwarf_getcfi(dwarf_.get());
}

Dwarf_Frame_s* CodeFile::rules(std::uint64_t address) {
  if (!has_read_rules_) read_rules();
  if (const auto known = rules_.find(address); known != rules_.end()) return known->second.get();
  Dwarf_Frame* frame = nullptr;
  if (!eh_frame_ || ::dwarf_cfi_addrframe(eh_frame_.get(), address, &frame) != 0) frame = nullptr;
  if (frame == nullptr && debug_frame_cfi_ != nullptr &&
      ::dwarf_cfi_addrframe(debug_frame_cfi_, address, &frame) != 0) {
    frame = nullptr;
  }
  if (rules_.size() >= kMaxRules) rules_.clear();
  return rules_.emplace(address, std::unique_ptr<Dwarf_Frame_s, FrameFreer>(frame)).first->second.get();
}

}  // namespace aiotrace::symbolize
