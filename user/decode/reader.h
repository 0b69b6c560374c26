// A cursor over bytes that never reads beyond their end.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace aiotrace::decode {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

  /// The next sizeof(T) bytes, with any alignment; nothing (and no advance) if there are fewer.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> get() {
    const auto bytes = take(sizeof(T));
    if (!bytes) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof(T));
    return value;
  }

  /// The next `size` bytes; nothing (and no advance) if there are fewer.
  [[nodiscard]] std::optional<std::span<const std::byte>> take(std::size_t size) {
    if (size > bytes_.size()) return std::nullopt;
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace aiotrace::decode
