#include "python/objects.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "python/text.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kManagedDict = 1u << 4;   // Py_TPFLAGS_MANAGED_DICT, 3.11+
constexpr std::uint64_t kInlineValues = 1u << 2;  // Py_TPFLAGS_INLINE_VALUES, 3.13+
// Shared keys hold at most SHARED_KEYS_MAX_SIZE (30) names since 3.11; before 3.11, instances of one class could share
// more.
constexpr std::uint64_t kMaxShared = 4096;
// An instance with more attributes is of no class that is read here.
constexpr std::uint64_t kMaxAttributes = 4096;

}  // namespace

std::optional<Objects::Keys> Objects::keys_of(std::uint64_t keys) const {
  const py_layout& bpf = layout_.bpf;
  std::array<std::byte, 64> head{};
  if (bpf.keys_indices > head.size() || bpf.keys_nentries + 8 > head.size()) return std::nullopt;
  if (keys == 0 || !memory_.read(keys, std::span(head).first(bpf.keys_indices))) return std::nullopt;
  const auto byte = [&](std::uint32_t offset) { return std::to_integer<unsigned>(head[offset]); };

  std::int64_t count = 0;
  std::memcpy(&count, head.data() + bpf.keys_nentries, sizeof count);
  Keys result{.count = static_cast<std::uint64_t>(count), .stride = 24, .key_offset = 8};
  std::uint64_t slots = 0;
  std::uint64_t index_bytes = 0;
  if (bpf.keys_log2_size == kNoOffset) {
    // Objects/dictobject.c before 3.11: dk_size at 8, indices of the narrowest type that can number the slots.
    std::memcpy(&slots, head.data() + 8, sizeof slots);
    if (slots == 0 || slots > kMaxEntries * 2 || (slots & (slots - 1)) != 0) return std::nullopt;
    index_bytes = slots * (slots <= 0xff ? 1 : slots <= 0xffff ? 2 : 4);
  } else {
    const unsigned log2_size = byte(bpf.keys_log2_size);
    const unsigned log2_bytes = byte(bpf.keys_log2_index_bytes);
    const unsigned kind = byte(layout_.user.keys_kind);
    if (log2_size > 21 || log2_bytes > 24 || log2_bytes < log2_size || kind > 2) return std::nullopt;
    slots = 1ull << log2_size;
    index_bytes = 1ull << log2_bytes;
    // DICT_KEYS_GENERAL is 0; the other kinds leave the hash out, the str keys have it.
    if (kind != 0) {
      result.stride = 16;
      result.key_offset = 0;
    }
  }
  if (count < 0 || result.count > slots || result.count > kMaxEntries) return std::nullopt;
  result.entries = keys + bpf.keys_indices + index_bytes;
  return result;
}

std::optional<std::vector<Objects::Entry>> Objects::entries_of(const Keys& keys) const {
  std::vector<std::byte> raw(keys.count * keys.stride);
  if (!memory_.read(keys.entries, raw)) return std::nullopt;
  std::vector<Entry> entries(keys.count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::byte* at = raw.data() + i * keys.stride + keys.key_offset;
    std::memcpy(&entries[i].key, at, 8);
    std::memcpy(&entries[i].value, at + 8, 8);
  }
  return entries;
}

std::optional<std::vector<Objects::Entry>> Objects::split_entries(std::uint64_t keys, std::uint64_t values) const {
  const auto shared = keys_of(keys);
  if (!shared || shared->count > kMaxShared) return std::nullopt;
  auto entries = entries_of(*shared);
  if (!entries) return std::nullopt;
  if (layout_.user.values_valid != kNoOffset) {
    // The class may have more keys now than this instance has room for; the first byte is its room.
    const auto room = memory_.read<std::uint8_t>(values);
    if (!room) return std::nullopt;
    entries->resize(std::min<std::size_t>(entries->size(), *room));
  }
  std::vector<std::uint64_t> items(entries->size());
  if (!memory_.read(values + layout_.user.values_data, std::as_writable_bytes(std::span(items)))) return std::nullopt;
  for (std::size_t i = 0; i < items.size(); ++i) (*entries)[i].value = items[i];
  return entries;
}

std::optional<std::vector<Objects::Entry>> Objects::entries(std::uint64_t dict, std::uint64_t most) const {
  if (dict == 0) return std::nullopt;
  const auto keys = memory_.pointer(dict + layout_.bpf.dict_keys);
  const auto values = memory_.read<std::uint64_t>(dict + layout_.user.dict_values);
  if (!keys || !values) return std::nullopt;
  std::optional<std::vector<Entry>> found;
  if (*values != 0) {
    found = split_entries(*keys, *values);
  } else if (const auto table = keys_of(*keys); table && table->count <= most) {
    found = entries_of(*table);
  }
  if (found) std::erase_if(*found, [](const Entry& entry) { return entry.key == 0 || entry.value == 0; });
  return found;
}

std::optional<std::uint64_t> Objects::find_in(const std::vector<Entry>& entries, std::string_view key) const {
  // The header alone excludes keys of another length; objects that are no strings fail the checks of the text.
  for (const Entry& entry : entries) {
    if (entry.key == 0 || entry.value == 0) continue;
    const auto text = read_text(memory_, layout_, entry.key, key.size() + 1);
    if (text && *text == key) return entry.value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Objects::find(std::uint64_t dict, std::string_view key, std::uint64_t most) const {
  const auto all = entries(dict, most);
  return all ? find_in(*all, key) : std::nullopt;
}

std::optional<std::uint64_t> Objects::module_dict(std::uint64_t module) const {
  return module == 0 ? std::nullopt : memory_.pointer(module + layout_.user.module_dict);
}

bool Objects::referenced(std::uint64_t object) const {
  if ((layout_.bpf.flags & PY_FREE_THREADED) == 0) return memory_.read<std::uint32_t>(object).value_or(0) != 0;
  // Include/object.h with Py_GIL_DISABLED: u32 ob_ref_local at 12, then ob_ref_shared, whose two lowest bits are flags.
  const auto local = memory_.read<std::uint32_t>(object + 12);
  const auto shared = memory_.read<std::int64_t>(object + 16);
  return local && shared && (*local != 0 || *shared >> 2 != 0);
}

bool Objects::tracked(std::uint64_t object) const {
  if (layout_.bpf.flags & PY_FREE_THREADED) {
    // u8 ob_gc_bits at 11; Include/internal/pycore_gc.h: _PyGC_BITS_TRACKED is 1.
    return (memory_.read<std::uint8_t>(object + 11).value_or(0) & 1) != 0;
  }
  // PyGC_Head before it: a freed object has no _gc_prev; during a collection the field holds a count and flags, of
  // which "collecting" (2) stays. "finalized" (1) may be set in both cases.
  return (memory_.read<std::uint64_t>(object - 8).value_or(0) & ~std::uint64_t{1}) != 0;
}

std::optional<std::uint64_t> Objects::type_of(std::uint64_t object) const {
  return object == 0 ? std::nullopt : memory_.pointer(object + layout_.bpf.obj_type);
}

std::optional<std::string> Objects::type_name(std::uint64_t type) const {
  const auto name = memory_.pointer(type + layout_.user.type_name);
  if (!name) return std::nullopt;
  std::string text;
  // In small steps, because the string can be at the very end of a mapping.
  while (text.size() < 256) {
    std::array<char, 32> part{};
    const std::uint64_t from = *name + text.size();
    const std::size_t step = std::min<std::uint64_t>(part.size(), 4096 - from % 4096);
    if (!memory_.read(from, std::as_writable_bytes(std::span(part).first(step)))) return std::nullopt;
    const std::string_view view(part.data(), step);
    text += view.substr(0, view.find('\0'));
    if (view.find('\0') != std::string_view::npos) return text;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Objects::basicsize(std::uint64_t type) const {
  return memory_.read<std::int64_t>(type + layout_.user.type_basicsize);
}

std::optional<std::vector<Objects::Entry>> Objects::attributes(std::uint64_t object) const {
  const UserLayout& user = layout_.user;
  const auto type = type_of(object);
  if (!type) return std::nullopt;
  const auto flags = memory_.read<std::uint64_t>(*type + user.type_flags);
  if (!flags) return std::nullopt;

  const bool managed = user.managed_dict != kNoOffset && (*flags & kManagedDict);
  if (!managed) {
    const auto offset = memory_.read<std::int64_t>(*type + user.type_dictoffset);
    // Negative: counted from the end of an object of variable size. No class that is read here has that.
    if (!offset || *offset <= 0 || *offset > 1 << 20) return std::nullopt;
    const auto dict = memory_.pointer(object + static_cast<std::uint64_t>(*offset));
    return dict ? entries(*dict, kMaxAttributes) : std::nullopt;
  }

  const auto word = memory_.read<std::uint64_t>(object - user.managed_dict);
  if (!word) return std::nullopt;
  std::uint64_t values = 0;
  if (user.values_valid != kNoOffset) {  // 3.13+: values lie behind the object, in use or not
    if (*word != 0) return entries(*word, kMaxAttributes);
    const auto size = basicsize(*type);
    if (!(*flags & kInlineValues) || !size || *size <= 0 || *size > 1 << 20) return std::nullopt;
    values = object + static_cast<std::uint64_t>(*size);
    const auto valid = memory_.read<std::uint8_t>(values + user.values_valid);
    if (!valid || *valid == 0) return std::nullopt;
  } else if (user.managed_values != kNoOffset) {  // 3.11: a pointer of its own
    if (*word != 0) return entries(*word, kMaxAttributes);
    values = memory_.read<std::uint64_t>(object - user.managed_values).value_or(0);
  } else {  // 3.12: one word, the lowest bit set for values, which begin one byte behind that address
    if (!(*word & 1)) return *word ? entries(*word, kMaxAttributes) : std::nullopt;
    values = *word + 1;
  }
  const auto keys = memory_.pointer(*type + user.heap_type_cached_keys);
  if (!keys || values == 0) return std::nullopt;
  return split_entries(*keys, values);
}

std::optional<std::uint64_t> Objects::attribute(std::uint64_t object, std::string_view name) const {
  const auto all = attributes(object);
  return all ? find_in(*all, name) : std::nullopt;
}

std::optional<std::uint64_t> Objects::unsigned_int(std::uint64_t object) const {
  if (object == 0) return std::nullopt;
  const auto tag = memory_.read<std::int64_t>(object + layout_.user.long_tag);
  if (!tag) return std::nullopt;
  std::int64_t digits = *tag;  // ob_size: negative for a negative number
  if (layout_.bpf.version >= 0x030c0000) {
    // Include/cpython/longintrepr.h: sign in bits 0-1 (0 positive, 1 zero, 2 negative), digits from bit 3 on.
    if ((*tag & 3) == 2) return std::nullopt;
    digits = *tag >> 3;
  }
  if (digits < 0 || digits > 3) return std::nullopt;
  std::array<std::uint32_t, 3> digit{};
  const std::span used = std::span(digit).first(static_cast<std::size_t>(digits));
  if (!memory_.read(object + layout_.bpf.long_digits, std::as_writable_bytes(used))) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = used.size(); i-- > 0;) {
    if (used[i] >= 1u << 30 || value >> 33) return std::nullopt;
    value = value << 30 | used[i];
  }
  return value;
}

std::optional<std::string> Objects::text(std::uint64_t object, std::size_t max_characters) const {
  return read_text(memory_, layout_, object, max_characters);
}

}  // namespace aiotrace::python
