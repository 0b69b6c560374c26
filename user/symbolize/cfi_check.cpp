#include "symbolize/cfi_check.h"

#include <dwarf.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace aiotrace::symbolize {
namespace {

constexpr std::uint64_t kMaxRegister = 1024;

/// Reads from the front; after the first missing byte all values are 0 and ok() is false.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : left_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool empty() const { return left_.empty(); }
  [[nodiscard]] std::size_t size() const { return left_.size(); }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    const auto bytes = take(width);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  /// LEB128, of either sign: skipped values do not need the sign.
  std::uint64_t leb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !left_.empty(); shift += 7) {
      const auto byte = number(1);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  std::string_view text() {
    const std::string_view all(reinterpret_cast<const char*>(left_.data()), left_.size());
    const auto end = all.find('\0');
    if (end == std::string_view::npos) ok_ = false;
    const auto found = all.substr(0, end);
    take(end == std::string_view::npos ? left_.size() : end + 1);
    return found;
  }

 private:
  std::span<const std::byte> left_;
  bool ok_ = true;
};

/// Data of a common entry that its entries need.
struct Common {
  std::uint8_t encoding = DW_EH_PE_absptr;
  std::size_t segment_size = 0;
  bool has_augmentation = false;
};

bool skip_pointer(Cursor& cursor, std::uint8_t encoding) {
  switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8: cursor.take(8); break;
    case DW_EH_PE_udata4:
    case DW_EH_PE_sdata4: cursor.take(4); break;
    case DW_EH_PE_udata2:
    case DW_EH_PE_sdata2: cursor.take(2); break;
    case DW_EH_PE_uleb128:
    case DW_EH_PE_sleb128: cursor.leb(); break;
    default: return false;
  }
  return cursor.ok();
}

bool is_register(std::uint64_t number) { return number <= kMaxRegister; }

/// Checks one instruction whose opcode has been read. False: a register out of range, or an unknown instruction.
bool check_operands(Cursor& cursor, unsigned opcode, std::uint8_t encoding) {
  constexpr unsigned kPrimary = 0xc0;
  if ((opcode & kPrimary) == DW_CFA_advance_loc || (opcode & kPrimary) == DW_CFA_restore) return true;
  if ((opcode & kPrimary) == DW_CFA_offset) {
    cursor.leb();
    return true;
  }
  switch (opcode) {
    case DW_CFA_nop:
    case DW_CFA_remember_state:
    case DW_CFA_restore_state:
    case DW_CFA_GNU_window_save: return true;
    case DW_CFA_set_loc: return skip_pointer(cursor, encoding);
    case DW_CFA_advance_loc1: cursor.take(1); return true;
    case DW_CFA_advance_loc2: cursor.take(2); return true;
    case DW_CFA_advance_loc4: cursor.take(4); return true;
    case DW_CFA_MIPS_advance_loc8: cursor.take(8); return true;
    case DW_CFA_def_cfa_offset:
    case DW_CFA_def_cfa_offset_sf:
    case DW_CFA_GNU_args_size: cursor.leb(); return true;
    case DW_CFA_restore_extended:
    case DW_CFA_undefined:
    case DW_CFA_same_value:
    case DW_CFA_def_cfa_register: return is_register(cursor.leb());
    case DW_CFA_offset_extended:
    case DW_CFA_offset_extended_sf:
    case DW_CFA_def_cfa:
    case DW_CFA_def_cfa_sf:
    case DW_CFA_val_offset:
    case DW_CFA_val_offset_sf:
    case DW_CFA_GNU_negative_offset_extended: {
      const bool fits = is_register(cursor.leb());
      cursor.leb();
      return fits;
    }
    case DW_CFA_register: {
      const bool fits = is_register(cursor.leb());
      return is_register(cursor.leb()) && fits;
    }
    case DW_CFA_def_cfa_expression: cursor.take(cursor.leb()); return true;
    case DW_CFA_expression:
    case DW_CFA_val_expression: {
      const bool fits = is_register(cursor.leb());
      cursor.take(cursor.leb());
      return fits;
    }
    default: return false;
  }
}

bool check_instructions(Cursor cursor, std::uint8_t encoding) {
  while (!cursor.empty()) {
    const auto opcode = static_cast<unsigned>(cursor.number(1));
    if (!check_operands(cursor, opcode, encoding) || !cursor.ok()) return false;
  }
  return cursor.ok();
}

/// Parses a common entry after its id. Nothing: malformed.
std::optional<Common> check_common(Cursor cursor) {
  Common common;
  const auto version = cursor.number(1);
  const auto augmentation = cursor.text();
  if (augmentation == "eh") cursor.take(8);
  if (version >= 4) {
    cursor.take(1);
    common.segment_size = cursor.number(1);
  }
  cursor.leb();
  cursor.leb();
  if (!is_register(version == 1 ? cursor.number(1) : cursor.leb())) return std::nullopt;
  common.has_augmentation = augmentation.starts_with('z');
  if (common.has_augmentation) {
    Cursor data(cursor.take(cursor.leb()));
    for (const char each : augmentation.substr(1)) {
      if (each == 'R') common.encoding = static_cast<std::uint8_t>(data.number(1));
      if (each == 'L') data.take(1);
      if (each == 'P' && !skip_pointer(data, static_cast<std::uint8_t>(data.number(1)))) return std::nullopt;
    }
    if (!data.ok()) return std::nullopt;
  }
  if (!cursor.ok() || !check_instructions(cursor, common.encoding)) return std::nullopt;
  return common;
}

bool check_function(Cursor cursor, const Common& common) {
  cursor.take(common.segment_size);
  // The size of the function is encoded like its start, but is not relative.
  if (!skip_pointer(cursor, common.encoding) || !skip_pointer(cursor, common.encoding)) return false;
  if (common.has_augmentation) cursor.take(cursor.leb());
  return cursor.ok() && check_instructions(cursor, common.encoding);
}

}  // namespace

bool is_harmless(std::span<const std::byte> section, FrameSection kind) {
  const bool eh = kind == FrameSection::eh_frame;
  std::unordered_map<std::uint64_t, Common> commons;  // by their offset
  Cursor all(section);
  while (!all.empty()) {
    const auto place = section.size() - all.size();
    auto length = all.number(4);
    std::size_t width = 4;
    if (length == 0xffffffff) {
      length = all.number(8);
      width = eh ? 4 : 8;
    }
    if (!all.ok()) return false;
    // The end of .eh_frame; in .debug_frame, which has no end mark, it is padding.
    if (length == 0 && eh) return true;
    if (length == 0) continue;
    const auto id_place = section.size() - all.size();
    Cursor entry(all.take(length));
    const auto id = entry.number(width);
    if (!all.ok() || !entry.ok()) return false;
    if (eh ? id == 0 : id == (width == 8 ? ~std::uint64_t{0} : 0xffffffff)) {
      const auto common = check_common(entry);
      if (!common) return false;
      commons.emplace(place, *common);
      continue;
    }
    const auto common = commons.find(eh ? id_place - id : id);
    if (common == commons.end() || !check_function(entry, common->second)) return false;
  }
  return true;
}

}  // namespace aiotrace::symbolize
