#include "python/text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "util/text.h"

namespace aiotrace::python {
namespace {

template <class T>
T at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::optional<std::string> read_text(const proc::Memory& memory, const Layout& layout, std::uint64_t object,
                                     std::size_t max_characters) {
  if (object == 0) return std::nullopt;
  const py_layout& bpf = layout.bpf;
  // One read gets the header and, for nearly every name, the characters; at the end of a page it gets only the header.
  std::array<std::byte, 128> head{};
  const std::size_t header = std::max(bpf.unicode_ascii_data, bpf.unicode_state + 4);
  if (header > head.size() || bpf.unicode_length + 8 > header) return std::nullopt;
  std::size_t have = head.size();
  if (!memory.read(object, head)) {
    have = header;
    if (!memory.read(object, std::span(head).first(header))) return std::nullopt;
  }
  const auto length = at<std::int64_t>(head, bpf.unicode_length);
  const auto state = at<std::uint32_t>(head, bpf.unicode_state);
  const unsigned width = (state >> layout.user.unicode_kind_shift) & 7;
  const bool compact = state >> layout.user.unicode_compact_bit & 1;
  const bool ascii = state >> layout.user.unicode_ascii_bit & 1;
  if (!compact || length < 0 || (width != 1 && width != 2 && width != 4) || (ascii && width != 1)) return std::nullopt;

  const std::uint64_t data = ascii ? bpf.unicode_ascii_data : bpf.unicode_compact_data;
  const std::size_t size = std::min<std::uint64_t>(static_cast<std::uint64_t>(length), max_characters) * width;
  if (data + size <= have) return utf8_from_cpython(std::span(head).subspan(data, size), width);
  std::vector<std::byte> characters(size);
  if (!memory.read(object + data, characters)) return std::nullopt;
  return utf8_from_cpython(characters, width);
}

std::optional<std::string> read_task_name(const proc::Memory& memory, const Layout& layout, std::uint64_t task,
                                          std::size_t max_characters) {
  const auto name = memory.pointer(task + layout.bpf.task_name);
  return name ? read_text(memory, layout, *name, max_characters) : std::nullopt;
}

std::optional<std::string> read_coroutine_name(const proc::Memory& memory, const Layout& layout,
                                               std::uint64_t coroutine, std::size_t max_characters) {
  const auto name = memory.pointer(coroutine + layout.bpf.gen_qualname);
  return name ? read_text(memory, layout, *name, max_characters) : std::nullopt;
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
