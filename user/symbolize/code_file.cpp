#include "symbolize/code_file.h"

#include <elf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "symbolize/debug_file.h"
#include "symbolize/debug_frame.h"
#include "symbolize/demangle.h"

namespace aiotrace::symbolize {
namespace {

// The number of cached rules for one file: some hundred bytes each. Stacks of one program contain the same few call
// sites again and again.
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

CodeFile::CodeFile(proc::ElfImage image, pid_t pid) : image_(std::move(image)), pid_(pid) {
  for (const auto& header : image_.headers().segments) {
    if (header.p_type != PT_LOAD) continue;
    segments_.push_back({.offset = header.p_offset,
                         .address = header.p_vaddr,
                         .size = header.p_filesz,
                         .executable = (header.p_flags & PF_X) != 0,
                         .writable = (header.p_flags & PF_W) != 0});
  }
}

std::shared_ptr<CodeFile> CodeFile::from_image(proc::ElfImage image, pid_t pid) {
  return std::shared_ptr<CodeFile>(new CodeFile(std::move(image), pid));
}

std::shared_ptr<CodeFile> CodeFile::from_memory(std::vector<std::byte> bytes) {
  auto image = proc::ElfImage::from_memory(std::move(bytes));
  return image ? from_image(std::move(*image), 0) : nullptr;
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
    const auto bytes = image_.file_bytes(offset, into.size());
    if (bytes.size() != into.size()) return false;
    std::memcpy(into.data(), bytes.data(), bytes.size());
    return true;
  }
  return false;
}

const proc::ElfImage* CodeFile::debug_file() {
  if (!looked_for_debug_file_) debug_file_ = find_debug_file(image_, pid_);
  looked_for_debug_file_ = true;
  return debug_file_ ? &*debug_file_ : nullptr;
}

void CodeFile::read_symbols() {
  symbols_.emplace();
  if (!symbols_->add(image_, SHT_SYMTAB)) {
    symbols_->add(image_, SHT_DYNSYM);
    const auto* separate = debug_file();
    if (separate == nullptr || !symbols_->add(*separate, SHT_SYMTAB)) {
      if (const auto mini = mini_debug_info(image_)) symbols_->add(*mini, SHT_SYMTAB);
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
  eh_frame_.file = eh_frame_only(image_);
  if (!eh_frame_.file.bytes.empty()) eh_frame_.elf.reset(elf_in(eh_frame_.file.bytes));
  if (eh_frame_.elf) eh_frame_.of_eh_frame.reset(::dwarf_getcfi_elf(eh_frame_.elf.get()));
  eh_frame_.cfi = eh_frame_.of_eh_frame.get();
  debug_frame_.file = debug_frame_only(image_);
  if (debug_frame_.file.bytes.empty() && debug_file() != nullptr) debug_frame_.file = debug_frame_only(*debug_file());
  if (debug_frame_.file.bytes.empty()) return;
  debug_frame_.elf.reset(elf_in(debug_frame_.file.bytes));
  if (debug_frame_.elf) debug_frame_.dwarf.reset(::dwarf_begin_elf(debug_frame_.elf.get(), DWARF_C_READ, nullptr));
  if (debug_frame_.dwarf) debug_frame_.cfi = ::dwarf_getcfi(debug_frame_.dwarf.get());
}

Dwarf_Frame_s* CodeFile::rules(std::uint64_t address) {
  if (!has_read_rules_) read_rules();
  if (const auto known = rules_.find(address); known != rules_.end()) return known->second.get();
  Dwarf_Frame* frame = nullptr;
  for (auto* cfi : {eh_frame_.cfi, debug_frame_.cfi}) {
    if (frame == nullptr && (cfi == nullptr || ::dwarf_cfi_addrframe(cfi, address, &frame) != 0)) frame = nullptr;
  }
  if (rules_.size() >= kMaxRules) rules_.clear();
  return rules_.emplace(address, std::unique_ptr<Dwarf_Frame_s, FrameFreer>(frame)).first->second.get();
}

}  // namespace aiotrace::symbolize
