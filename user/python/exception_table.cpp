#include "python/exception_table.h"

#include <cstddef>

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kUnit = 2;  // sizeof(_Py_CODEUNIT)

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> table) : table_(table) {}

  [[nodiscard]] bool more() const { return at_ < table_.size(); }

  /// Six bits a byte, the highest first; bit 6 says that another byte follows.
  std::optional<std::uint32_t> number() {
    constexpr unsigned kMaxBytes = 5;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < kMaxBytes && more(); ++i) {
      const std::uint8_t byte = table_[at_++];
      value = value << 6 | (byte & 0x3f);
      if ((byte & 0x40) == 0) return value;
    }
    return std::nullopt;
  }

 private:
  std::span<const std::uint8_t> table_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<HandlerEntry> handler_of(std::span<const std::uint8_t> table, std::uint32_t offset) {
  Reader reader(table);
  const std::uint32_t unit = offset / kUnit;
  while (reader.more()) {
    const auto start = reader.number();
    const auto size = reader.number();
    const auto target = reader.number();
    const auto depth_and_lasti = reader.number();
    if (!start || !size || !target || !depth_and_lasti) return std::nullopt;
    if (unit < *start) return std::nullopt;  // entries ascend
    if (unit - *start >= *size) continue;
    return HandlerEntry{.target = *target * kUnit, .depth = *depth_and_lasti >> 1};
  }
  return std::nullopt;
}

}  // namespace aiotrace::python
