#include "python/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace aiotrace::python {
namespace {

void append_utf8(std::string& text, std::uint32_t c) {
  if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) c = 0xfffd;
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    text += static_cast<char>(0xc0 | (c >> 6));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xe0 | (c >> 12));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | (c >> 18));
    text += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
  }
  text += static_cast<char>(0x80 | (c & 0x3f));
}

template <class T>
T at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::string to_utf8(std::span<const std::byte> characters, unsigned width) {
  std::string text;
  if (width != 1 && width != 2 && width != 4) return text;
  text.reserve(characters.size());
  for (std::size_t i = 0; i + width <= characters.size(); i += width) {
    std::uint32_t c = 0;
    std::memcpy(&c, characters.data() + i, width);
    append_utf8(text, c);
  }
  return text;
}

std::optional<std::string> read_text(const proc::Memory& memory, const Layout& layout, std::uint64_t object,
                                     std::size_t max_characters) {
  if (object == 0) return std::nullopt;
  const py_layout& at_ = layout.bpf;
  // The header and, for nearly every name there is, the characters in one read; at the end of a page only the header.
  std::array<std::byte, 128> head{};
  const std::size_t header = std::max(at_.unicode_ascii_data, at_.unicode_state + 4);
  if (header > head.size() || at_.unicode_length + 8 > header) return std::nullopt;
  std::size_t have = head.size();
  if (!memory.read(object, head)) {
    have = header;
    if (!memory.read(object, std::span(head).first(header))) return std::nullopt;
  }
  const auto length = at<std::int64_t>(head, at_.unicode_length);
  const auto state = at<std::uint32_t>(head, at_.unicode_state);
  const unsigned width = (state >> layout.user.unicode_kind_shift) & 7;
  const bool compact = state >> layout.user.unicode_compact_bit & 1;
  const bool ascii = state >> layout.user.unicode_ascii_bit & 1;
  if (!compact || length < 0 || (width != 1 && width != 2 && width != 4) || (ascii && width != 1)) return std::nullopt;

  const std::uint64_t data = ascii ? at_.unicode_ascii_data : at_.unicode_compact_data;
  const std::size_t size = std::min<std::uint64_t>(static_cast<std::uint64_t>(length), max_characters) * width;
  if (data + size <= have) return to_utf8(std::span(head).subspan(data, size), width);
  std::vector<std::byte> characters(size);
  if (!memory.read(object + data, characters)) return std::nullopt;
  return to_utf8(characters, width);
}

std::optional<std::string> read_bytes(const proc::Memory& memory, const Layout& layout, std::uint64_t object,
                                      std::size_t max_bytes) {
  if (object == 0) return std::nullopt;
  const auto size = memory.read<std::int64_t>(object + layout.bpf.bytes_size);
  if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > max_bytes) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(*size), '\0');
  if (!memory.read(object + layout.bpf.bytes_data, std::as_writable_bytes(std::span(bytes)))) return std::nullopt;
  return bytes;
}

}  // namespace aiotrace::python
