// Values as bytes and back: what recordings are made of. Numbers are LEB128, signed ones zigzag; text and lists are
// preceded by their length.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recording/format.h"

namespace aiotrace::recording {

/// Appends values to a string of bytes.
class Encoder {
 public:
  static constexpr bool kReads = false;

  void number(std::uint64_t value) {
    constexpr std::uint64_t kMore = 0x80;
    while (value >= kMore) {
      bytes_.push_back(static_cast<char>(value | kMore));
      value >>= 7;
    }
    bytes_.push_back(static_cast<char>(value));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  void append(std::string_view encoded) { bytes_.append(encoded); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

/// Reads values from untrusted bytes. After the first invalid value all values are 0 or empty, and ok() is false: check
/// it at the end.
class Decoder {
 public:
  static constexpr bool kReads = true;
  /// The memory limit for the values of one record: one byte of a list can stand for hundreds of bytes.
  static constexpr std::size_t kMaxMemory = std::size_t{256} << 20;

  /// `format`: of the recording.
  explicit Decoder(std::string_view bytes, std::uint32_t format = kFormat) : bytes_(bytes), format_(format) {}

  [[nodiscard]] std::uint32_t format() const { return format_; }

  [[nodiscard]] bool ok() const { return ok_; }
  /// All bytes were read.
  [[nodiscard]] bool done() const { return bytes_.empty(); }
  /// Memory that the values take, at most.
  [[nodiscard]] std::size_t memory() const { return memory_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }
  void refuse() {
    ok_ = false;
    bytes_ = {};
  }
  /// Announces that this many bytes of memory will be taken.
  void charge(std::size_t bytes) {
    memory_ += bytes;
    if (memory_ > kMaxMemory) refuse();
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      // The tenth byte has room for one bit.
      if (shift == 63 && byte > 1) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    refuse();
    return 0;
  }
  /// A value of at most `most`.
  std::uint64_t number(std::uint64_t most) {
    const auto value = number();
    if (value <= most) return value;
    refuse();
    return 0;
  }
  std::string text() {
    const auto size = number();
    if (size > bytes_.size()) {
      refuse();
      return {};
    }
    charge(size);
    if (!ok_) return {};
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }

 private:
  std::string_view bytes_;
  std::uint32_t format_;
  std::size_t memory_ = 0;
  bool ok_ = true;
};

inline void transfer(Encoder& to, const std::string& value) { to.text(value); }
inline void transfer(Decoder& from, std::string& value) { value = from.text(); }
inline void transfer(Encoder& to, const bool& value) { to.number(value ? 1 : 0); }
inline void transfer(Decoder& from, bool& value) { value = from.number(1) != 0; }

template <std::unsigned_integral T>
void transfer(Encoder& to, const T& value) {
  to.number(value);
}
template <std::unsigned_integral T>
void transfer(Decoder& from, T& value) {
  value = static_cast<T>(from.number(T(-1)));
}

// Zigzag: small values of both signs take few bytes.
inline void transfer(Encoder& to, const std::int64_t& value) {
  to.number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}
inline void transfer(Decoder& from, std::int64_t& value) {
  const auto bits = from.number();
  value = static_cast<std::int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
}
// Its bits.
inline void transfer(Encoder& to, const double& value) { to.number(std::bit_cast<std::uint64_t>(value)); }
inline void transfer(Decoder& from, double& value) { value = std::bit_cast<double>(from.number()); }
inline void transfer(Encoder& to, const std::int32_t& value) { transfer(to, std::int64_t{value}); }
inline void transfer(Decoder& from, std::int32_t& value) {
  std::int64_t wide = 0;
  transfer(from, wide);
  value = static_cast<std::int32_t>(wide);
  if (wide != value) from.refuse();
}

template <class T>
void transfer(Encoder& to, const std::optional<T>& value) {
  transfer(to, value.has_value());
  if (value) transfer(to, *value);
}
template <class T>
void transfer(Decoder& from, std::optional<T>& value) {
  bool there = false;
  transfer(from, there);
  value.reset();
  if (there && from.ok()) transfer(from, value.emplace(T{}));
}

// Like an optional value: shared ownership is not recorded.
template <class T>
void transfer(Encoder& to, const std::shared_ptr<const T>& value) {
  transfer(to, value != nullptr);
  if (value) transfer(to, *value);
}
template <class T>
void transfer(Decoder& from, std::shared_ptr<const T>& value) {
  std::optional<T> there;
  transfer(from, there);
  value.reset();
  from.charge(there ? sizeof(T) : 0);
  if (there && from.ok()) value = std::make_shared<const T>(std::move(*there));
}

template <class T>
void transfer(Encoder& to, const std::vector<T>& values) {
  to.number(values.size());
  for (const auto& value : values) transfer(to, value);
}
template <class T>
void transfer(Decoder& from, std::vector<T>& values) {
  values.clear();
  // Every value takes a byte at least.
  const auto count = from.number(from.left());
  for (std::uint64_t i = 0; i < count && from.ok(); i++) {
    // The list doubles when it is full.
    from.charge(2 * sizeof(T));
    if (from.ok()) transfer(from, values.emplace_back());
  }
}

// Written with their length, because a later version may have more counters.
template <std::unsigned_integral T, std::size_t Size>
void transfer(Encoder& to, const std::array<T, Size>& values) {
  to.number(Size);
  for (const auto value : values) to.number(value);
}
template <std::unsigned_integral T, std::size_t Size>
void transfer(Decoder& from, std::array<T, Size>& values) {
  values.fill(0);
  const auto count = from.number(Size);
  for (std::uint64_t i = 0; i < count; i++) values[i] = static_cast<T>(from.number(T(-1)));
}

inline void transfer(Encoder& to, const std::map<std::string, std::uint64_t>& values) {
  to.number(values.size());
  for (const auto& [key, value] : values) {
    to.text(key);
    to.number(value);
  }
}
inline void transfer(Decoder& from, std::map<std::string, std::uint64_t>& values) {
  constexpr std::size_t kNode = 128;
  values.clear();
  const auto count = from.number(from.left());
  for (std::uint64_t i = 0; i < count && from.ok(); i++) {
    from.charge(kNode);
    auto key = from.text();
    values.insert_or_assign(std::move(key), from.number());
  }
}

/// An enumeration whose values go from 0 to `last`.
template <class E>
void transfer_enum(Encoder& to, const E& value, E /*last*/) {
  to.number(static_cast<std::uint64_t>(value));
}
template <class E>
void transfer_enum(Decoder& from, E& value, E last) {
  value = static_cast<E>(from.number(static_cast<std::uint64_t>(last)));
}

}  // namespace aiotrace::recording
