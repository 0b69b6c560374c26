#include "python/coroutine.h"

#include <array>
#include <string_view>

#include "python/last_instruction.h"
#include "python/objects.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxTypes = 65'536;
constexpr std::uint64_t kMaxStackBytes = std::uint64_t{1} << 20;  // of a frame's variables and stack

constexpr std::uint32_t kPython310 = 0x030a0000;
constexpr std::uint32_t kPython311 = 0x030b0000;
constexpr std::uint32_t kPython313 = 0x030d0000;
constexpr std::uint32_t kPython315 = 0x030f0000;

}  // namespace

AwaitableKind CoroutineReader::classify(std::uint64_t type) const {
  if (type == 0) return AwaitableKind::other;
  if (type == interpreter_.coro_type) return AwaitableKind::coroutine;
  if (type == interpreter_.gen_type) return AwaitableKind::generator;
  if (type == interpreter_.async_gen_type) return AwaitableKind::async_generator;
  const Objects objects(memory_, layout_);
  const auto name = objects.type_name(type);
  if (!name) return AwaitableKind::other;
  // For a file without symbols: types are found by name and size. If the program has a type of the same name, the
  // checks of each object fail.
  const bool sized = objects.basicsize(type) == layout_.user.coro_size;
  if (interpreter_.coro_type == 0 && *name == "coroutine" && sized) return AwaitableKind::coroutine;
  if (interpreter_.gen_type == 0 && *name == "generator") return AwaitableKind::generator;
  if (interpreter_.async_gen_type == 0 && *name == "async_generator") return AwaitableKind::async_generator;
  // PyCoroWrapper, PyAsyncGenASend, PyAsyncGenAThrow (Objects/genobject.c), anextawaitableobject
  // (Objects/iterobject.c), futureiterobject (Modules/_asynciomodule.c): in each of them the wrapped object is the
  // first field.
  static constexpr std::array<std::string_view, 4> kWrappers = {"coroutine_wrapper", "async_generator_asend",
                                                                "async_generator_athrow", "anext_awaitable"};
  for (const std::string_view wrapper : kWrappers) {
    if (*name == wrapper) return AwaitableKind::wrapper;
  }
  if (*name == "_asyncio.FutureIter") return AwaitableKind::future_iterator;
  return AwaitableKind::other;
}

AwaitableKind CoroutineReader::kind_of(std::uint64_t object) {
  const auto type = object != 0 ? memory_.pointer(object + layout_.bpf.obj_type) : std::nullopt;
  if (!type) return AwaitableKind::other;
  const auto known = kinds_.find(*type);
  if (known != kinds_.end()) return known->second;
  if (kinds_.size() >= kMaxTypes) kinds_.clear();
  return kinds_.emplace(*type, classify(*type)).first->second;
}

std::uint64_t CoroutineReader::unwrap(std::uint64_t wrapper) const {
  return memory_.read<std::uint64_t>(wrapper + layout_.bpf.obj_type + 8).value_or(0);
}

std::optional<std::string> CoroutineReader::qualified_name(std::uint64_t object) const {
  const auto name = memory_.pointer(object + layout_.bpf.gen_qualname);
  return name ? Objects(memory_, layout_).text(*name, 1024) : std::nullopt;
}

// False for a state that does not exist in this version.
bool CoroutineReader::set_state(Coroutine& coroutine) const {
  using State = CoroutineState;
  const std::uint32_t version = layout_.bpf.version;
  if (version < kPython311) {
    const auto frame = memory_.read<std::uint64_t>(coroutine.object + layout_.user.coro_frame);
    if (!frame) return false;
    coroutine.frame = *frame;
    coroutine.state = State::finished;
    if (*frame == 0) return true;
    const auto state = memory_.read<std::int8_t>(*frame + layout_.user.frame_state);
    const auto lasti = memory_.read<std::int32_t>(*frame + layout_.bpf.frame_instr);
    if (!state || !lasti) return false;
    if (version < kPython310) {  // f_executing
      if (*state < 0 || *state > 1 || *lasti < -1) return false;
      coroutine.state = *state == 1 ? State::running : *lasti == -1 ? State::created : State::suspended;
      return true;
    }
    if (*state < -2 || *state > 4) return false;  // enum _framestate, Include/cpython/frameobject.h
    coroutine.state = *state == -2   ? State::created
                      : *state == -1 ? State::suspended
                      : *state == 0  ? State::running
                                     : State::finished;
    return true;
  }
  const auto state = memory_.read<std::int8_t>(coroutine.object + layout_.user.coro_state);
  if (!state) return false;
  coroutine.frame = coroutine.object + layout_.bpf.gen_iframe;
  if (version >=
      kPython315) {  // FRAME_CREATED 0, SUSPENDED 1, YIELD_FROM 2, YIELD_FROM_LOCKED 3, EXECUTING 4, CLEARED 5
    static constexpr std::array kStates = {State::created,   State::suspended, State::suspended,
                                           State::suspended, State::running,   State::finished};
    if (*state < 0 || *state >= static_cast<int>(kStates.size())) return false;
    coroutine.state = kStates[static_cast<std::uint8_t>(*state)];
  } else {  // Include/internal/pycore_frame.h: YIELD_FROM apart since 3.13
    const int created = version >= kPython313 ? -3 : -2;
    if (*state < created || *state > 4) return false;
    coroutine.state = *state == created ? State::created
                      : *state < 0      ? State::suspended
                      : *state == 0     ? State::running
                                        : State::finished;
  }
  if (coroutine.state == State::finished) coroutine.frame = 0;
  return true;
}

void CoroutineReader::set_place(Coroutine& coroutine) const {
  const py_layout& bpf = layout_.bpf;
  if (layout_.user.coro_code != kNoOffset) {
    coroutine.code = memory_.read<std::uint64_t>(coroutine.object + layout_.user.coro_code).value_or(0);
  } else if (coroutine.frame != 0) {
    coroutine.code = untagged(memory_.read<std::uint64_t>(coroutine.frame + bpf.frame_code).value_or(0));
  }
  if (coroutine.frame == 0 || coroutine.code == 0 || coroutine.state == CoroutineState::created) return;
  if (has_frame_objects()) {
    const auto lasti = memory_.read<std::int32_t>(coroutine.frame + bpf.frame_instr).value_or(-1);
    coroutine.lasti = last_instruction_bytes(bpf, lasti);
    return;
  }
  const auto instruction = memory_.read<std::uint64_t>(coroutine.frame + bpf.frame_instr).value_or(0);
  const auto offset = static_cast<std::int64_t>(instruction - coroutine.code - bpf.code_bytecode);
  if (offset >= 0 && offset <= INT32_MAX) coroutine.lasti = static_cast<std::int32_t>(offset);
}

// Whether a suspended one waits in `await` or `yield from` (_PyGen_yf in Objects/genobject.c), not in a plain yield,
// because then the top of the stack is another value.
bool CoroutineReader::at_await(const Coroutine& coroutine) const {
  const std::uint32_t version = layout_.bpf.version;
  if (version >= kPython313) {
    const auto state = memory_.read<std::int8_t>(coroutine.object + layout_.user.coro_state).value_or(0);
    return version >= kPython315 ? state == 2 || state == 3 : state == -1;
  }
  // Coroutines have no plain yield.
  if (coroutine.kind == CoroutineKind::coroutine) return true;
  if (coroutine.lasti < 0) return false;
  const auto next = static_cast<std::uint64_t>(coroutine.lasti) + 2;
  if (version >= kPython311) {
    // The argument of RESUME: 2 after a `yield from`, 3 after an `await`.
    const auto argument = memory_.read<std::uint8_t>(coroutine.code + layout_.bpf.code_bytecode + next + 1);
    return argument && (*argument & 3) >= 2;
  }
  constexpr std::uint8_t kYieldFrom = 72;  // Include/opcode.h
  const auto bytecode = memory_.pointer(coroutine.code + layout_.user.code_code);
  return bytecode && memory_.read<std::uint8_t>(*bytecode + layout_.bpf.bytes_data + next) == kYieldFrom;
}

std::uint64_t CoroutineReader::stack_top(std::uint64_t frame) const {
  const std::uint32_t version = layout_.bpf.version;
  const UserLayout& user = layout_.user;
  std::uint64_t at = 0;
  if (version >= kPython310 && version < kPython311) {
    const auto depth = memory_.read<std::int32_t>(frame + user.frame_stacktop);
    const auto stack = memory_.pointer(frame + user.frame_valuestack);
    if (!depth || !stack || *depth <= 0) return 0;
    at = *stack + (static_cast<std::uint64_t>(*depth) - 1) * 8;
  } else if (version >= kPython311 && (layout_.bpf.flags & PY_TAGGED_REFS) == 0) {
    const auto depth = memory_.read<std::int32_t>(frame + user.frame_stacktop);
    if (!depth || *depth <= 0) return 0;
    at = frame + layout_.bpf.frame_localsplus + (static_cast<std::uint64_t>(*depth) - 1) * 8;
  } else {
    const auto pointer = memory_.pointer(frame + user.frame_stacktop);
    if (!pointer) return 0;
    at = *pointer - (version >= kPython315 ? 16 : 8);  // 3.15 keeps one more value above the awaited one
  }
  if (at < frame || at - frame > kMaxStackBytes) return 0;
  return untagged(memory_.read<std::uint64_t>(at).value_or(0));
}

std::optional<Coroutine> CoroutineReader::read(std::uint64_t object) {
  Coroutine coroutine;
  switch (kind_of(object)) {
    case AwaitableKind::coroutine: coroutine.kind = CoroutineKind::coroutine; break;
    case AwaitableKind::generator: coroutine.kind = CoroutineKind::generator; break;
    case AwaitableKind::async_generator: coroutine.kind = CoroutineKind::async_generator; break;
    default: return std::nullopt;
  }
  coroutine.object = object;
  if (!set_state(coroutine)) return std::nullopt;
  set_place(coroutine);
  if (coroutine.state == CoroutineState::suspended && at_await(coroutine))
    coroutine.awaits = stack_top(coroutine.frame);
  return coroutine;
}

std::uint64_t CoroutineReader::local(const Coroutine& coroutine, std::size_t index) const {
  if (coroutine.frame == 0 || index >= kMaxStackBytes / 8) return 0;
  const auto read = memory_.read<std::uint64_t>(coroutine.frame + layout_.bpf.frame_localsplus + index * 8);
  const std::uint64_t object = untagged(read.value_or(0));
  if (object == 0 || layout_.bpf.version < kPython311) return object;
  const Objects objects(memory_, layout_);
  const auto type = objects.type_of(object);
  if (!type || objects.type_name(*type) != "cell") return object;
  return memory_.read<std::uint64_t>(object + layout_.user.cell_value).value_or(0);
}

}  // namespace aiotrace::python
