#include "python/asyncio_reader.h"

#include <algorithm>
#include <array>

namespace aiotrace::python {
namespace {

using To = AwaitStep::To;

constexpr std::size_t kMaxTypeNames = 65'536;
// asend() and similar objects wrap once; a program cannot create more of them in a row.
constexpr unsigned kMaxWrappers = 8;

}  // namespace

const std::string& AsyncioReader::type_name(std::uint64_t object) {
  static const std::string kNone;
  const auto type = object != 0 ? memory_.pointer(object + interpreter_.layout.bpf.obj_type) : std::nullopt;
  if (!type) return kNone;
  if (const auto found = type_names_.find(*type); found != type_names_.end()) return found->second;
  if (type_names_.size() >= kMaxTypeNames) type_names_.clear();
  return type_names_.emplace(*type, objects().type_name(*type).value_or("")).first->second;
}

std::uint64_t AsyncioReader::variable(const Coroutine& of, std::string_view name) {
  const auto code = codes_.find(of.code);
  if (!code) return 0;
  const auto at = std::ranges::find(code->locals, name);
  return at != code->locals.end() ? coroutines_.local(of, static_cast<std::size_t>(at - code->locals.begin())) : 0;
}

AwaitStep AsyncioReader::resolve(std::uint64_t object) {
  for (unsigned i = 0; i < kMaxWrappers && object != 0; ++i) {
    const AwaitableKind kind = coroutines_.kind_of(object);
    if (kind == AwaitableKind::other) return {.to = To::unknown, .object = object};
    if (kind != AwaitableKind::wrapper && kind != AwaitableKind::future_iterator)
      return {.to = To::coroutine, .object = object};
    object = coroutines_.unwrap(object);
    if (kind == AwaitableKind::future_iterator && object != 0) return {.to = To::future, .object = object};
  }
  return {.to = To::unknown, .object = object};
}

AwaitStep AsyncioReader::follow(const Coroutine& from) {
  if (from.state != CoroutineState::suspended) return {.to = To::nothing, .object = 0};
  const AwaitStep step = resolve(from.awaits);
  // Only a generator can yield without an awaitable.
  if (step.to != To::unknown || step.object != 0 || from.kind == CoroutineKind::coroutine) return step;
  const KnownFunction* known = known_.find(from);
  const bool future = known != nullptr && known->role == CodeRole::future;
  const std::uint64_t self = future ? variable(from, "self") : 0;
  return self != 0 ? AwaitStep{.to = To::future, .object = self} : AwaitStep{.to = To::turn, .object = 0};
}

std::uint64_t AsyncioReader::pointer(std::uint64_t at) const {
  const auto value = memory_.read<std::uint64_t>(at).value_or(0);
  return interpreter_.layout.bpf.flags & PY_TAGGED_REFS ? value & ~std::uint64_t{3} : value;
}

bool AsyncioReader::alive(std::uint64_t object) const {
  return objects().referenced(object) && objects().tracked(object);
}

// A freed block keeps its type pointer, and the data behind it can have any value.
bool AsyncioReader::believable(const Coroutine& coroutine) {
  const auto& bpf = interpreter_.layout.bpf;
  if (type_name(pointer(coroutine.object + bpf.gen_qualname)) != "str") return false;
  if (coroutine.state == CoroutineState::finished) return true;
  if (type_name(coroutine.code) != "code") return false;
  if (bpf.flags & PY_FRAME_OBJECTS) {
    return pointer(coroutine.frame + bpf.frame_code) == coroutine.code &&
           pointer(coroutine.frame + bpf.frame_gen) == coroutine.object;
  }
  constexpr std::uint8_t kOwnedByGenerator = 1;  // enum _frameowner
  return memory_.read<std::uint8_t>(coroutine.frame + bpf.frame_owner) == kOwnedByGenerator;
}

std::uint64_t AsyncioReader::size_of(const Coroutine& coroutine) const {
  const auto& [bpf, user] = interpreter_.layout;
  constexpr std::uint64_t kMaxSlots = 1 << 20;
  const std::uint64_t collector_head = bpf.flags & PY_FREE_THREADED ? 0 : 16;  // PyGC_Head: two words before the object
  std::uint64_t slots = 0;
  if (bpf.flags & PY_FRAME_OBJECTS) {
    const std::uint64_t own = collector_head + user.coro_size;
    if (coroutine.frame == 0) return own;
    slots = memory_.read<std::uint64_t>(coroutine.frame + 16).value_or(0);  // ob_size
    return own + collector_head + user.frame_size + 8 * std::min(slots, kMaxSlots);
  }
  // Include/cpython/code.h: co_nlocalsplus and co_stacksize lie around co_firstlineno since 3.11.
  const auto near = coroutine.code != 0
                        ? memory_.read<std::array<std::uint32_t, 3>>(coroutine.code + bpf.code_firstlineno - 4)
                        : std::nullopt;
  if (near) slots = std::uint64_t{(*near)[0]} + (*near)[2];
  return collector_head + bpf.gen_iframe + bpf.frame_localsplus + 8 * std::min(slots, kMaxSlots);
}

std::optional<HeapCoroutine> AsyncioReader::heap_coroutine(std::uint64_t object) {
  const auto read = coroutines_.read(object);
  if (!read || !alive(object) || !believable(*read)) return std::nullopt;
  HeapCoroutine found{*read};
  found.bytes = size_of(found);
  return found;
}

std::optional<FutureFields> AsyncioReader::heap_future(std::uint64_t object) {
  return alive(object) ? futures_.read(object) : std::nullopt;
}

}  // namespace aiotrace::python
