#include "symbolize/symbol_table.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <limits>
#include <tuple>

namespace aiotrace::symbolize {
namespace {

constexpr std::uint64_t kMaxTable = 64u << 20;
constexpr std::uint64_t kMaxNames = 256u << 20;
constexpr std::size_t kMaxSymbolName = 4096;
// How deep functions nest in others (assembly with sized labels): further back is not looked.
constexpr int kMaxNesting = 32;

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// By section index; empty ranges for what holds no code.
std::vector<Range> code_sections(Elf* elf) {
  std::vector<Range> ranges(1);
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    Range range;
    if (::gelf_getshdr(section, &header) != nullptr && (header.sh_flags & SHF_EXECINSTR) &&
        header.sh_addr + header.sh_size >= header.sh_addr) {
      range = {.start = header.sh_addr, .end = header.sh_addr + header.sh_size};
    }
    ranges.push_back(range);
  }
  return ranges;
}

Elf_Data* bounded_data(Elf_Scn* section, std::uint64_t limit) {
  GElf_Shdr header;
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) return nullptr;
  if (header.sh_size > limit || header.sh_type == SHT_NOBITS) return nullptr;
  return ::elf_getdata(section, nullptr);
}

/// The better of two names for one address has the greater rank: no leading underscore, then the wider binding.
std::uint8_t rank_of(std::string_view name, unsigned binding) {
  const unsigned plain = name.starts_with('_') && !name.starts_with("_Z") ? 0 : 4;
  const unsigned wide = binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;
  return static_cast<std::uint8_t>(plain + wide);
}

}  // namespace

std::string_view SymbolTable::name_of(const Entry& entry) const {
  const std::string_view rest = std::string_view(names_).substr(entry.name);
  return rest.substr(0, rest.find('\0'));
}

bool SymbolTable::add(Elf* elf, std::uint32_t type) {
  Elf_Scn* section = nullptr;
  GElf_Shdr header{};
  do {
    section = ::elf_nextscn(elf, section);
  } while (section != nullptr && (::gelf_getshdr(section, &header) == nullptr || header.sh_type != type));
  Elf_Data* data = bounded_data(section, kMaxTable);
  Elf_Data* strings = data != nullptr ? bounded_data(::elf_getscn(elf, header.sh_link), kMaxNames) : nullptr;
  if (strings == nullptr || strings->d_buf == nullptr) return false;
  const std::string_view text(static_cast<const char*>(strings->d_buf), strings->d_size);
  const auto sections = code_sections(elf);

  const std::size_t before = entries_.size();
  const std::size_t count = data->d_size / sizeof(Elf64_Sym);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Sym symbol;
    if (::gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
    const unsigned kind = GELF_ST_TYPE(symbol.st_info);
    if (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE) continue;
    if (symbol.st_shndx >= sections.size() || symbol.st_name >= text.size()) continue;
    const Range& place = sections[symbol.st_shndx];
    if (symbol.st_value < place.start || symbol.st_value >= place.end) continue;
    const std::string_view rest = text.substr(symbol.st_name, kMaxSymbolName);
    const std::string_view name = rest.substr(0, rest.find('\0'));
    if (name.empty() || names_.size() + name.size() >= kMaxNames) continue;
    const bool sized = symbol.st_size != 0;
    const std::uint64_t reach = place.end - symbol.st_value;
    entries_.push_back({.address = symbol.st_value,
                        .size = static_cast<std::uint32_t>(std::min<std::uint64_t>(
                            {sized ? symbol.st_size : reach, reach, std::numeric_limits<std::uint32_t>::max()})),
                        .name = static_cast<std::uint32_t>(names_.size()),
                        .rank = rank_of(name, GELF_ST_BIND(symbol.st_info)),
                        .sized = sized});
    names_ += name;
    names_ += '\0';
  }
  return entries_.size() > before;
}

void SymbolTable::finish() {
  std::ranges::sort(entries_, [this](const Entry& a, const Entry& b) {
    if (a.address != b.address) return a.address < b.address;
    if (std::tie(a.sized, a.rank) != std::tie(b.sized, b.rank))
      return std::tie(a.sized, a.rank) > std::tie(b.sized, b.rank);
    const auto left = name_of(a);
    const auto right = name_of(b);
    return std::tuple(left.size(), left) < std::tuple(right.size(), right);
  });
  const auto same = std::ranges::unique(entries_, {}, &Entry::address);
  entries_.erase(same.begin(), same.end());
  entries_.shrink_to_fit();
  for (std::size_t i = 0; i + 1 < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const std::uint64_t distance = entries_[i + 1].address - entry.address;
    if (!entry.sized && entry.size > distance) entry.size = static_cast<std::uint32_t>(distance);
  }
}

std::optional<SymbolTable::Hit> SymbolTable::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(entries_, address, {}, &Entry::address);
  const Entry* found = nullptr;
  auto at = after;
  for (int i = 0; i < kMaxNesting && at != entries_.begin(); ++i) {
    --at;
    if (address - at->address >= at->size) continue;
    if (found == nullptr) found = &*at;
    if (!at->sized) continue;  // a label inside of a function is not the function
    found = &*at;
    break;
  }
  if (found == nullptr) return std::nullopt;
  return Hit{.name = name_of(*found),
             .start = found->address,
             .number = static_cast<std::size_t>(found - entries_.data())};
}

}  // namespace aiotrace::symbolize
