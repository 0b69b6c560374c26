// Writes protocol buffers (protobuf.dev, "Encoding"): the few wire types that aiotrace's formats need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiotrace::output {

/// A message in the making. Fields appear in the order in which they are added; a zero is written too.
class Message {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} << 3);
    varint(value);
  }
  void text(std::uint32_t field, std::string_view bytes) {
    constexpr std::uint64_t kLengthDelimited = 2;
    varint(std::uint64_t{field} << 3 | kLengthDelimited);
    varint(bytes.size());
    bytes_.append(bytes);
  }
  void message(std::uint32_t field, const Message& message) { text(field, message.bytes_); }
  /// One value of a packed repeated field's content.
  void varint(std::uint64_t value) {
    constexpr unsigned kBits = 7;
    constexpr std::uint64_t kMore = 0x80;
    for (; value >= kMore; value >>= kBits) bytes_.push_back(static_cast<char>(value | kMore));
    bytes_.push_back(static_cast<char>(value));
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace aiotrace::output
