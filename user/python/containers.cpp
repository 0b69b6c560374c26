#include "python/containers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace aiotrace::python {
namespace {

std::optional<std::vector<std::uint64_t>> pointers(const Objects& objects, std::uint64_t at, std::size_t count) {
  std::vector<std::uint64_t> items(count);
  if (!objects.memory().read(at, std::as_writable_bytes(std::span(items)))) return std::nullopt;
  std::erase(items, 0);
  return items;
}

}  // namespace

std::optional<std::size_t> length_of(const Objects& objects, std::uint64_t object) {
  if (object == 0) return std::nullopt;
  const auto size = objects.memory().read<std::int64_t>(object + objects.layout().bpf.bytes_size);
  if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > kMaxItems) return std::nullopt;
  return static_cast<std::size_t>(*size);
}

std::optional<std::size_t> set_length(const Objects& objects, std::uint64_t set) {
  if (set == 0) return std::nullopt;
  const auto used = objects.memory().read<std::int64_t>(set + objects.layout().user.set_used);
  if (!used || *used < 0 || static_cast<std::uint64_t>(*used) > kMaxItems) return std::nullopt;
  return static_cast<std::size_t>(*used);
}

std::optional<std::vector<std::uint64_t>> set_items(const Objects& objects, std::uint64_t set, std::size_t most) {
  struct Entry {  // setentry, Include/cpython/setobject.h
    std::uint64_t key;
    std::int64_t hash;
  };
  if (set == 0) return std::nullopt;
  const auto& memory = objects.memory();
  const auto& user = objects.layout().user;
  const auto mask = memory.read<std::uint64_t>(set + user.set_mask);
  const auto table = memory.pointer(set + user.set_table);
  if (!mask || !table || *mask >= 4 * most || (*mask & (*mask + 1)) != 0) return std::nullopt;
  std::vector<Entry> entries(*mask + 1);
  if (!memory.read(*table, std::as_writable_bytes(std::span(entries)))) return std::nullopt;
  std::vector<std::uint64_t> items;
  for (const Entry& entry : entries) {
    // Hash -1 is no object's: a removed item leaves a dummy entry with this hash.
    if (entry.key != 0 && entry.hash != -1) items.push_back(entry.key);
  }
  return items;
}

std::optional<std::vector<std::uint64_t>> list_items(const Objects& objects, std::uint64_t list, std::size_t most) {
  const auto count = length_of(objects, list);
  if (!count) return std::nullopt;
  if (*count == 0) return std::vector<std::uint64_t>{};
  const auto items = objects.memory().pointer(list + objects.layout().user.list_items);
  return items ? pointers(objects, *items, std::min(*count, most)) : std::nullopt;
}

std::optional<std::vector<std::uint64_t>> tuple_items(const Objects& objects, std::uint64_t tuple, std::size_t most) {
  const auto count = length_of(objects, tuple);
  return count ? pointers(objects, tuple + objects.layout().user.tuple_items, std::min(*count, most)) : std::nullopt;
}

std::optional<std::vector<std::uint64_t>> deque_items(const Objects& objects, std::uint64_t deque, std::size_t most) {
  // Modules/_collectionsmodule.c, 3.8 to 3.15: dequeobject {PyVarObject, leftblock, rightblock, leftindex, …} and
  // struct BLOCK {leftlink, data[BLOCKLEN], rightlink}.
  constexpr std::int64_t kBlock = 64;
  const auto& memory = objects.memory();
  const std::uint64_t fields = deque + objects.layout().bpf.bytes_size + 8;
  const auto count = length_of(objects, deque);
  auto block = memory.pointer(fields);
  const auto first = memory.read<std::int64_t>(fields + 16);
  if (!count || !first || *first < 0 || *first >= kBlock) return std::nullopt;
  const std::size_t wanted = std::min(*count, most);
  std::vector<std::uint64_t> items;
  auto index = static_cast<std::size_t>(*first);
  while (items.size() < wanted && block) {
    std::array<std::uint64_t, kBlock + 2> words{};
    if (!memory.read(*block, std::as_writable_bytes(std::span(words)))) return std::nullopt;
    for (; index < kBlock && items.size() < wanted; ++index) items.push_back(words[index + 1]);
    index = 0;
    block = words.back();
  }
  std::erase(items, 0);
  return items;
}

std::optional<DequeState> deque_state(const Objects& objects, std::uint64_t deque) {
  // dequeobject: leftblock, rightblock, leftindex, rightindex, state ("incremented whenever the indices move").
  const auto length = length_of(objects, deque);
  const auto changes = objects.memory().read<std::uint64_t>(deque + objects.layout().bpf.bytes_size + 8 + 32);
  if (!length || !changes) return std::nullopt;
  return DequeState{.length = *length, .changes = *changes};
}

std::optional<std::vector<std::uint64_t>> weak_set_items(const Objects& objects, std::uint64_t set) {
  const auto data = objects.attribute(set, "data");  // Lib/_weakrefset.py
  auto items = data ? set_items(objects, *data) : std::nullopt;
  if (!items) return std::nullopt;
  for (std::uint64_t& item : *items) {
    item = objects.memory().read<std::uint64_t>(item + objects.layout().user.weakref_object).value_or(0);
  }
  std::erase(*items, 0);
  return items;
}

std::optional<double> float_value(const Objects& objects, std::uint64_t object) {
  const auto type = objects.type_of(object);
  if (!type || objects.type_name(*type) != "float") return std::nullopt;
  const auto value = objects.memory().read<double>(object + objects.layout().user.float_value);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::uint32_t> slot_offset(const Objects& objects, std::uint64_t type, std::string_view name) {
  constexpr unsigned kMaxBases = 16;
  constexpr std::uint64_t kMaxNames = 4096;  // a class with more has no slots that are needed here
  // PyMemberDescrObject (Include/descrobject.h): the head, d_type, d_name, d_qualname, then d_member, a PyMemberDef
  // {name, int type, offset}.
  const std::uint64_t member_at = std::uint64_t{objects.layout().bpf.obj_type} + 8 + 24;
  constexpr std::uint64_t kMemberOffset = 16;
  const auto& memory = objects.memory();
  for (unsigned i = 0; i < kMaxBases && type != 0; ++i) {
    const auto dict = memory.pointer(type + objects.layout().user.type_dict);
    const auto descriptor = dict ? objects.find(*dict, name, kMaxNames) : std::nullopt;
    if (descriptor) {
      const auto kind = objects.type_of(*descriptor);
      if (!kind || objects.type_name(*kind) != "member_descriptor") return std::nullopt;
      const auto member = memory.pointer(*descriptor + member_at);
      const auto offset = member ? memory.read<std::int64_t>(*member + kMemberOffset) : std::nullopt;
      if (!offset || *offset < 16 || *offset > 4096) return std::nullopt;
      return static_cast<std::uint32_t>(*offset);
    }
    type = memory.read<std::uint64_t>(type + objects.layout().user.type_base).value_or(0);
  }
  return std::nullopt;
}

}  // namespace aiotrace::python
