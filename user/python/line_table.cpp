#include "python/line_table.h"

namespace aiotrace::python {
namespace {

using Table = std::span<const std::uint8_t>;
using Line = std::optional<std::uint32_t>;

Line valid(std::int64_t line) {
  if (line < 0 || line > INT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(line);
}

/// Pairs of (bytes of code, lines to add for the code after these bytes).
Line from_lnotab(Table table, std::int64_t line, std::int64_t lasti) {
  std::int64_t address = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    address += table[i];
    if (address > lasti) break;
    line += static_cast<std::int8_t>(table[i + 1]);
  }
  return valid(line);
}

/// Pairs of (bytes of code, lines to add for this code itself); -128: this code has no line.
Line from_linetable(Table table, std::int64_t line, std::int64_t lasti) {
  constexpr std::int8_t kNoLine = -128;
  std::int64_t end = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    const auto delta = static_cast<std::int8_t>(table[i + 1]);
    if (delta != kNoLine) line += delta;
    end += table[i];
    if (lasti < end) return delta == kNoLine ? std::nullopt : valid(line);
  }
  return std::nullopt;
}

/// Six bits a byte, lowest first, bit 6 set on all but the last; as a signed number the lowest bit is the sign. Stops
/// where the next entry begins.
std::optional<std::int64_t> signed_varint(Table table, std::size_t at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 36; shift += 6, ++at) {
    if (at >= table.size() || (table[at] & 0x80)) return std::nullopt;
    value |= static_cast<std::uint64_t>(table[at] & 0x3f) << shift;
    if (!(table[at] & 0x40)) {
      const auto magnitude = static_cast<std::int64_t>(value >> 1);
      return value & 1 ? -magnitude : magnitude;
    }
  }
  return std::nullopt;
}

/// Entries of a first byte (bit 7 set, kind in bits 3-6, code units less one in bits 0-2) and the data of that kind.
Line from_locations(Table table, std::int64_t line, std::int64_t lasti) {
  constexpr unsigned kOneLine0 = 10, kNoColumns = 13, kLong = 14, kNone = 15;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < table.size();) {
    if (!(table[i] & 0x80)) return std::nullopt;
    const unsigned kind = table[i] >> 3 & 15;
    end += std::int64_t{(table[i] & 7) + 1} * 2;
    if (kind == kNoColumns || kind == kLong) {
      const auto delta = signed_varint(table, i + 1);
      if (!delta) return std::nullopt;
      line += *delta;
    } else if (kind >= kOneLine0 && kind < kNoColumns) {
      line += kind - kOneLine0;
    }
    if (lasti < end) return kind == kNone ? std::nullopt : valid(line);
    ++i;
    while (i < table.size() && !(table[i] & 0x80)) ++i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> line_of(std::uint32_t version, std::span<const std::uint8_t> table,
                                     std::uint32_t first_line, std::int32_t lasti) {
  if (lasti < 0) return valid(first_line);
  if (version < 0x030a0000) return from_lnotab(table, first_line, lasti);
  if (version < 0x030b0000) return from_linetable(table, first_line, lasti);
  return from_locations(table, first_line, lasti);
}

}  // namespace aiotrace::python
