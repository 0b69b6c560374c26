#include "python/scheduled.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

// Modules/_collectionsmodule.c, dequeobject and block, 3.8 to 3.15.
constexpr std::uint64_t kDequeLeftBlock = 24;
constexpr std::uint64_t kDequeLeftIndex = 40;
constexpr std::size_t kBlockItems = 64;
constexpr std::uint64_t kBlockData = 8;
constexpr std::uint64_t kBlockRight = kBlockData + 8 * kBlockItems;
// A callback's arguments and closure: more than this is none that hands a coroutine over.
constexpr std::size_t kMaxHeld = 64;

bool is_a(const Objects& objects, std::uint64_t object, std::string_view name) {
  const auto type = objects.type_of(object);
  return type && objects.type_name(*type) == name;
}

std::vector<std::uint64_t> deque_items(const Objects& objects, std::uint64_t deque) {
  const auto& memory = objects.memory();
  std::vector<std::uint64_t> items;
  const std::size_t length = std::min(length_of(objects, deque).value_or(0), kMaxCallbacks);
  auto block = memory.pointer(deque + kDequeLeftBlock);
  auto index = memory.read<std::uint64_t>(deque + kDequeLeftIndex).value_or(kBlockItems);
  while (block && items.size() < length) {
    std::array<std::uint64_t, kBlockItems> data{};
    if (!memory.read(*block + kBlockData, std::as_writable_bytes(std::span(data)))) break;
    for (; index < kBlockItems && items.size() < length; ++index) items.push_back(data[index]);
    index = 0;
    block = memory.pointer(*block + kBlockRight);
  }
  return items;
}

// The objects that a callback keeps: itself, its arguments, what its closure's cells contain.
void add_held(const Objects& objects, std::uint64_t handle, std::uint64_t type,
              std::unordered_set<std::uint64_t>& into) {
  const auto& memory = objects.memory();
  const auto slot = [&](std::string_view name) -> std::optional<std::uint64_t> {
    const auto offset = slot_offset(objects, type, name);
    return offset ? memory.pointer(handle + *offset) : std::nullopt;
  };
  if (const auto arguments = slot("_args"); arguments && is_a(objects, *arguments, "tuple")) {
    const auto items = tuple_items(objects, *arguments);
    if (items && items->size() <= kMaxHeld) into.insert(items->begin(), items->end());
  }
  const auto callback = slot("_callback");
  if (!callback || !is_a(objects, *callback, "function")) return;
  const auto closure = memory.pointer(*callback + objects.layout().user.function_closure);
  const auto cells = closure && is_a(objects, *closure, "tuple") ? tuple_items(objects, *closure) : std::nullopt;
  if (!cells || cells->size() > kMaxHeld) return;
  for (const std::uint64_t cell : *cells) {
    if (const auto value = memory.pointer(cell + objects.layout().user.cell_value)) into.insert(*value);
  }
}

}  // namespace

void add_scheduled_objects(const Objects& objects, std::uint64_t loop, std::unordered_set<std::uint64_t>& into) {
  std::vector<std::uint64_t> handles;
  if (const auto ready = objects.attribute(loop, "_ready"); ready && is_a(objects, *ready, "collections.deque"))
    handles = deque_items(objects, *ready);
  if (const auto timers = objects.attribute(loop, "_scheduled"); timers && is_a(objects, *timers, "list")) {
    const auto items = list_items(objects, *timers);
    if (items)
      handles.insert(handles.end(), items->begin(),
                     items->begin() + static_cast<std::ptrdiff_t>(std::min(items->size(), kMaxCallbacks)));
  }
  for (const std::uint64_t handle : handles) {
    const auto type = objects.type_of(handle);
    const auto name = type ? objects.type_name(*type) : std::nullopt;
    if (name == "Handle" || name == "TimerHandle") add_held(objects, handle, *type, into);
  }
}

}  // namespace aiotrace::python
