// Items of sets, lists and tuples of a process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "python/objects.h"

namespace aiotrace::python {

/// A container that claims more items than this is not read.
inline constexpr std::size_t kMaxItems = std::size_t{1} << 21;

/// Addresses of the items, in the table's order; nothing for what cannot be a set, or has a table of more than four
/// times `most` slots, that is, a table for more items.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> set_items(const Objects& objects, std::uint64_t set,
                                                                  std::size_t most = kMaxItems);
/// The first ones of a list, at most `most`; null items (the list is being changed) are left out.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> list_items(const Objects& objects, std::uint64_t list,
                                                                   std::size_t most = kMaxItems);
[[nodiscard]] std::optional<std::vector<std::uint64_t>> tuple_items(const Objects& objects, std::uint64_t tuple,
                                                                    std::size_t most = kMaxItems);

/// Of a collections.deque, from the left end, at most `most`.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> deque_items(const Objects& objects, std::uint64_t deque,
                                                                    std::size_t most = kMaxItems);

/// The state of a deque: its length and how often it was changed. Each append and each removal counts as one change.
struct DequeState {
  std::uint64_t length = 0;
  std::uint64_t changes = 0;
};
[[nodiscard]] std::optional<DequeState> deque_state(const Objects& objects, std::uint64_t deque);

/// Live objects of a weakref.WeakSet.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> weak_set_items(const Objects& objects, std::uint64_t set);

/// ob_size of a list, tuple or collections.deque.
[[nodiscard]] std::optional<std::size_t> length_of(const Objects& objects, std::uint64_t object);
/// Number of items of a set.
[[nodiscard]] std::optional<std::size_t> set_length(const Objects& objects, std::uint64_t set);

/// A float; nothing for an object of another type.
[[nodiscard]] std::optional<double> float_value(const Objects& objects, std::uint64_t object);

/// Where an instance of `type`, a class written in Python, has a __slots__ attribute: found by the descriptor in the
/// type or one of its bases.
[[nodiscard]] std::optional<std::uint32_t> slot_offset(const Objects& objects, std::uint64_t type,
                                                       std::string_view name);

}  // namespace aiotrace::python
