#include "symbolize/symbol_table.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>

namespace aiotrace::symbolize {
namespace {

constexpr std::uint64_t kMaxTable = 32u << 20;
constexpr std::uint64_t kMaxNames = 48u << 20;
constexpr std::size_t kMaxSymbolName = 4096;
// The maximum nesting of functions (assembly with sized labels): the search does not go back further.
constexpr int kMaxNesting = 32;
// For names of one address with the same length, this many bytes are compared: a file with a million long names cannot
// slow this down.
constexpr std::size_t kCompared = 64;

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// By section index; empty ranges for sections without code.
std::vector<Range> code_sections(const proc::ElfHeaders& headers) {
  std::vector<Range> ranges;
  ranges.reserve(headers.sections.size());
  for (const auto& header : headers.sections) {
    const bool code = (header.sh_flags & SHF_EXECINSTR) != 0 && header.sh_addr + header.sh_size >= header.sh_addr;
    ranges.push_back(code ? Range{.start = header.sh_addr, .end = header.sh_addr + header.sh_size} : Range{});
  }
  return ranges;
}

/// The symbol, if it is a function with a name inside its section.
std::optional<Elf64_Sym> function_at(const proc::ElfImage::Content& table, std::size_t n,
                                     const std::vector<Range>& sections, std::string_view names) {
  Elf64_Sym symbol;
  std::memcpy(&symbol, table.bytes.data() + n * sizeof symbol, sizeof symbol);
  const unsigned kind = ELF64_ST_TYPE(symbol.st_info);
  if (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE) return std::nullopt;
  if (symbol.st_shndx >= sections.size() || symbol.st_name >= names.size()) return std::nullopt;
  const Range& place = sections[symbol.st_shndx];
  if (symbol.st_value < place.start || symbol.st_value >= place.end) return std::nullopt;
  return names[symbol.st_name] == '\0' ? std::nullopt : std::optional(symbol);
}

/// The better of two names for one address has the higher rank: no leading underscore, then the wider binding.
std::uint8_t rank_of(std::string_view name, unsigned binding) {
  const unsigned plain = name.starts_with('_') && !name.starts_with("_Z") ? 0 : 4;
  const unsigned wide = binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;
  return static_cast<std::uint8_t>(plain + wide);
}

}  // namespace

std::string_view SymbolTable::name_of(const Entry& entry) const {
  return names_[entry.table].text().substr(entry.name, entry.length);
}

bool SymbolTable::add(const proc::ElfImage& image, std::uint32_t type) {
  constexpr std::size_t kMaxTables = 8;
  const auto section = image.section_of_type(type);
  const auto linked = section ? image.section_at(section->link) : std::nullopt;
  if (!linked || names_.size() >= kMaxTables) return false;
  const auto table = image.content(*section, kMaxTable);
  if (table.bytes.empty()) return false;
  auto strings = image.content(*linked, kMaxNames);
  const auto text = strings.text();
  const auto sections = code_sections(image.headers());
  const std::size_t count = table.bytes.size() / sizeof(Elf64_Sym);
  std::size_t functions = 0;
  for (std::size_t i = 0; i < count; ++i) functions += function_at(table, i, sections, text) ? 1 : 0;
  if (functions == 0) return false;
  auto share = image.account().take(functions * sizeof(Entry));
  if (!share) return false;

  entries_.reserve(entries_.size() + functions);
  for (std::size_t i = 0; i < count; ++i) {
    const auto symbol = function_at(table, i, sections, text);
    if (!symbol) continue;
    const std::string_view rest = text.substr(symbol->st_name, kMaxSymbolName);
    const std::string_view name = rest.substr(0, rest.find('\0'));
    const bool sized = symbol->st_size != 0;
    const std::uint64_t reach = sections[symbol->st_shndx].end - symbol->st_value;
    entries_.push_back({.address = symbol->st_value,
                        .size = static_cast<std::uint32_t>(std::min<std::uint64_t>(
                            {sized ? symbol->st_size : reach, reach, std::numeric_limits<std::uint32_t>::max()})),
                        .name = symbol->st_name,
                        .length = static_cast<std::uint16_t>(name.size()),
                        .table = static_cast<std::uint8_t>(names_.size()),
                        .rank = rank_of(name, ELF64_ST_BIND(symbol->st_info)),
                        .sized = sized});
  }
  shares_.push_back(std::move(share));
  names_.push_back(std::move(strings));
  return true;
}

bool SymbolTable::is_before(const Entry& a, const Entry& b) const {
  if (a.address != b.address) return a.address < b.address;
  if (a.sized != b.sized) return a.sized;
  if (a.rank != b.rank) return a.rank > b.rank;
  if (a.length != b.length) return a.length < b.length;
  const auto order = name_of(a).substr(0, kCompared).compare(name_of(b).substr(0, kCompared));
  return order != 0 ? order < 0 : std::tie(a.table, a.name) < std::tie(b.table, b.name);
}

void SymbolTable::finish() {
  std::ranges::sort(entries_, [this](const Entry& a, const Entry& b) { return is_before(a, b); });
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
