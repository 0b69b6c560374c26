#include "python/loops.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

constexpr std::uint64_t kFirstPage = 4096;
constexpr std::int64_t kMaxFields = 640;

/// Bytes of PyObject.
std::uint64_t head_of(const Objects& objects) { return std::uint64_t{objects.layout().bpf.obj_type} + 8; }

std::string type_name_of(const Objects& objects, std::uint64_t object) {
  const auto type = objects.type_of(object);
  return type ? objects.type_name(*type).value_or("") : "";
}

/// uvloop's own class, which is a base of uvloop.Loop and of the program's derived classes; 0: it is no such loop.
std::uint64_t uvloop_base(const Objects& objects, std::uint64_t loop) {
  constexpr unsigned kMaxBases = 16;
  auto type = objects.type_of(loop);
  for (unsigned i = 0; i < kMaxBases && type; ++i) {
    if (objects.type_name(*type) == "uvloop.loop.Loop") return *type;
    type = objects.memory().pointer(*type + objects.layout().user.type_base);
  }
  return 0;
}

/// Of a larger object the first kMaxFields bytes: uvloop.Loop has a buffer of 250 kB behind its fields.
std::vector<std::uint64_t> words_of(const Objects& objects, std::uint64_t object, std::int64_t size) {
  const std::uint64_t head = head_of(objects);
  size = std::min(size, kMaxFields);
  if (size <= static_cast<std::int64_t>(head)) return {};
  std::vector<std::uint64_t> words((static_cast<std::uint64_t>(size) - head) / 8);
  if (!objects.memory().read(object + head, std::as_writable_bytes(std::span(words)))) return {};
  return words;
}

// Its only deque is _ready; its sets are _queued_streams, _executing_streams, _servers, _processes, _signals and
// _timers, the last one followed by the dict _polls (uvloop/loop.pxd, 0.14 to 0.22).
void read_uvloop(const Objects& objects, std::uint64_t base, LoopFields& found) {
  constexpr std::size_t kSets = 6;
  std::vector<std::uint64_t> sets;
  std::uint64_t deque = 0;
  std::size_t deques = 0;
  bool dict_behind = false;
  const auto words = words_of(objects, found.object, objects.basicsize(base).value_or(0));
  bool last_was_set = false;
  for (const std::uint64_t word : words) {
    // Fields can also be numbers and C pointers: only pointers to an object whose type has a known name count.
    const std::string name = word > kFirstPage && word % 8 == 0 ? type_name_of(objects, word) : "";
    if (name == "collections.deque") {
      deque = word;
      deques++;
    } else if (name == "set") {
      sets.push_back(word);
    }
    if (sets.size() == kSets && last_was_set) dict_behind = dict_behind || name == "dict";
    last_was_set = name == "set" && sets.size() == kSets;
  }
  if (deques == 1) {
    found.ready_deque = deque;
    found.ready = length_of(objects, deque);
  }
  if (sets.size() == kSets && dict_behind) found.scheduled = set_length(objects, sets.back());
}

// uvloop.loop.TimerHandle has a UVTimer, which has libuv's uv_timer_t.
std::optional<std::uint64_t> uvloop_due_ns(const Objects& objects, std::uint64_t handle, std::int64_t size) {
  // include/uv.h, ABI of libuv 1.x on Linux, 64 bits: uv_handle_t {data, loop, type, …} of 96 bytes, then timer_cb,
  // three words of heap node, timeout in ms of the loop's clock (uv_hrtime: CLOCK_MONOTONIC).
  constexpr std::uint64_t kType = 16;
  constexpr std::uint64_t kTimeout = 128;
  constexpr std::uint32_t kUvTimer = 13;
  const auto& memory = objects.memory();
  for (const std::uint64_t word : words_of(objects, handle, size)) {
    if (word <= kFirstPage || word % 8 != 0 || type_name_of(objects, word) != "uvloop.loop.UVTimer") continue;
    const auto timer = memory.pointer(word + head_of(objects) + 8);  // behind Cython's table of methods
    if (!timer || memory.read<std::uint64_t>(*timer) != word) return std::nullopt;
    if (memory.read<std::uint32_t>(*timer + kType) != kUvTimer) return std::nullopt;
    const auto timeout = memory.read<std::uint64_t>(*timer + kTimeout);
    if (!timeout || *timeout > INT64_MAX / 1'000'000) return std::nullopt;
    return *timeout * 1'000'000;
  }
  return std::nullopt;
}

}  // namespace

LoopFields read_loop(const Objects& objects, std::uint64_t loop) {
  LoopFields found{.object = loop, .kind = EventLoopKind::other, .ready = {}, .ready_deque = 0, .scheduled = {}};
  if (const std::uint64_t base = uvloop_base(objects, loop)) {
    found.kind = EventLoopKind::uvloop;
    read_uvloop(objects, base, found);
    return found;
  }
  const auto ready = objects.attribute(loop, "_ready");
  const auto scheduled = objects.attribute(loop, "_scheduled");
  if (!ready || type_name_of(objects, *ready) != "collections.deque") return found;
  found.kind = EventLoopKind::asyncio;
  found.ready_deque = *ready;
  found.ready = length_of(objects, *ready);
  if (scheduled && type_name_of(objects, *scheduled) == "list") found.scheduled = length_of(objects, *scheduled);
  return found;
}

std::vector<std::uint64_t> handed_over(const Objects& objects, const LoopFields& loop) {
  constexpr std::size_t kMost = 100'000;
  constexpr std::size_t kMaxArguments = 1024;  // of one callback, or cells of its closure
  constexpr std::int64_t kLargestHandle = 256;
  std::vector<std::uint64_t> found;
  const auto handles = loop.ready_deque != 0 ? deque_items(objects, loop.ready_deque, kMost) : std::nullopt;
  if (!handles) return found;
  const auto& user = objects.layout().user;
  for (const std::uint64_t handle : *handles) {
    const auto type = objects.type_of(handle);
    if (!type || found.size() >= kMost) break;
    // asyncio's Handle has its callback and arguments in slots, uvloop's in fields of its structure.
    const auto size = std::min(objects.basicsize(*type).value_or(0), kLargestHandle);
    for (const std::uint64_t word : words_of(objects, handle, size)) {
      if (word <= kFirstPage || word % 8 != 0) continue;
      const std::string name = type_name_of(objects, word);
      const std::uint64_t items = name == "function"
                                      ? objects.memory().pointer(word + user.function_closure).value_or(0)
                                  : name == "tuple" ? word
                                                    : 0;
      const auto values = tuple_items(objects, items, kMaxArguments);
      for (const std::uint64_t item : values.value_or(std::vector<std::uint64_t>{})) {
        if (found.size() >= kMost) break;
        const bool in_cell = name == "function";
        found.push_back(in_cell ? objects.memory().pointer(item + user.cell_value).value_or(0) : item);
      }
    }
  }
  return found;
}

TimerReader::Class TimerReader::classify(std::uint64_t type) const {
  const auto name = objects_.type_name(type);
  const std::int64_t size = objects_.basicsize(type).value_or(0);
  if (name == "uvloop.loop.TimerHandle") return {.kind = Kind::uvloop, .when = 0, .size = size};
  const auto when = name == "TimerHandle" ? slot_offset(objects_, type, "_when") : std::nullopt;
  return when ? Class{.kind = Kind::asyncio, .when = *when, .size = size} : Class{};
}

std::optional<std::uint64_t> TimerReader::due_ns(std::uint64_t timer_handle) {
  constexpr std::size_t kMaxTypes = 65'536;
  const auto type = objects_.type_of(timer_handle);
  if (!type) return std::nullopt;
  auto known = classes_.find(*type);
  if (known == classes_.end()) {
    if (classes_.size() >= kMaxTypes) classes_.clear();
    known = classes_.emplace(*type, classify(*type)).first;
  }
  const Class& its = known->second;
  if (its.kind == Kind::uvloop) return uvloop_due_ns(objects_, timer_handle, its.size);
  if (its.kind == Kind::other) return std::nullopt;
  const auto when = objects_.memory().pointer(timer_handle + its.when);
  const auto seconds = when ? float_value(objects_, *when) : std::nullopt;
  // BaseEventLoop.time() is time.monotonic().
  if (!seconds || *seconds < 0 || *seconds > 9e9) return std::nullopt;
  return static_cast<std::uint64_t>(*seconds * 1e9);
}

}  // namespace aiotrace::python
