#include "python/census.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "python/heap_scan.h"
#include "python/objects.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxTypes = 64;
constexpr std::uint64_t kGcHead = 16;  // PyGC_Head: two words before the object
// Offsets behind PyObject_HEAD that never changed: Modules/_asynciomodule.c FutureObj_HEAD, 3.8 to 3.15.
constexpr std::uint64_t kFutureCallback = 24;
constexpr std::uint64_t kFutureException = 48;

/// From fut_state to fut_log_tb: an int behind it to 3.12, a bit field behind it in 3.13, and behind two chars (is_task,
/// awaited_by_is_set) since 3.14.
std::uint64_t log_tb_offset(std::uint32_t version) { return version >= 0x030e0000 ? 6 : 4; }

TypeInfo classify(std::string name) {
  TypeInfo info;
  const std::string_view view = name;
  const auto is = [view](std::string_view a) { return view == a; };
  if (is("coroutine") || is("generator") || is("async_generator")) {
    info.role = Role::stepped;
    info.kind = is("coroutine")   ? Stepped::Kind::coroutine
                : is("generator") ? Stepped::Kind::generator
                                  : Stepped::Kind::async_generator;
  } else if (is("coroutine_wrapper") || is("async_generator_asend") || is("async_generator_athrow") ||
             is("anext_awaitable")) {
    info.role = Role::await_wrapper;
  } else if (is("_asyncio.FutureIter") || is("FutureIter")) {
    info.role = Role::future_iterator;
  }
  info.name = std::move(name);
  return info;
}

/// `type` and the classes derived from it that still live: the weak references of its tp_subclasses.
void add_with_subclasses(const Objects& objects, std::uint64_t type, std::vector<std::uint64_t>& into) {
  if (type == 0 || into.size() >= kMaxTypes || std::ranges::find(into, type) != into.end()) return;
  into.push_back(type);
  const UserLayout& user = objects.layout().user;
  const auto subclasses = objects.memory().pointer(type + user.type_mro + 16);
  const auto entries = subclasses ? objects.entries(*subclasses) : std::nullopt;
  if (!entries) return;
  for (const Objects::Entry& entry : *entries) {
    const auto derived = objects.memory().pointer(entry.value + user.weakref_object);
    // A class that has ended leaves None in its weak reference: no type has that for its base.
    if (derived && objects.memory().pointer(*derived + user.type_base)) add_with_subclasses(objects, *derived, into);
  }
}

Stepped::State state_of(std::uint32_t version, std::int8_t raw) {
  using enum Stepped::State;
  if (version >= 0x030f0000) {  // 3.15 counts from 0 on: Include/internal/pycore_frame.h
    if (raw == 0) return created;
    if (raw >= 1 && raw <= 3) return suspended;
    return raw == 4 ? running : finished;
  }
  if (version >= 0x030d0000) {
    if (raw == -3) return created;
    if (raw == -2 || raw == -1) return suspended;
    return raw == 0 ? running : finished;
  }
  if (raw == -2) return created;
  if (raw == -1) return suspended;
  return raw == 0 ? running : finished;
}

/// False for a value that no version has.
bool possible_state(std::uint32_t version, std::int8_t raw) {
  if (version >= 0x030f0000) return raw >= 0 && raw <= 5;
  return raw >= -3 && raw <= 4;
}

}  // namespace

FutureTypes future_types(const Interpreter& interpreter, const proc::Memory& memory) {
  const Objects objects(memory, interpreter.layout);
  FutureTypes types;
  const auto modules = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  if (!modules) return types;
  const auto names_of = [&](std::string_view name) {
    const auto module = objects.find(*modules, name);
    return module ? objects.module_dict(*module) : std::nullopt;
  };
  types.foreign_scheduler = objects.find(*modules, "trio") || objects.find(*modules, "curio");
  if (const auto names = names_of("asyncio.timeouts")) types.timeout = objects.find(*names, "Timeout").value_or(0);
  if (const auto names = names_of("contextlib")) {
    types.async_generator_manager = objects.find(*names, "_AsyncGeneratorContextManager").value_or(0);
  }
  const auto dict = names_of("_asyncio");
  if (!dict) return types;
  const auto task = objects.find(*dict, "Task");
  const auto future = objects.find(*dict, "Future");
  if (!task || !future || objects.type_name(*task) != "_asyncio.Task") return types;
  // Task is no class derived from Future in C, though it has its head.
  add_with_subclasses(objects, *task, types.tasks);
  add_with_subclasses(objects, *future, types.futures);
  std::erase_if(types.futures, [&](std::uint64_t type) { return std::ranges::find(types.tasks, type) != types.tasks.end(); });
  return types;
}

std::uint64_t ObjectReader::pointer(std::uint64_t at) const {
  const auto value = memory_.read<std::uint64_t>(at).value_or(0);
  return interpreter_.layout.bpf.flags & PY_TAGGED_REFS ? value & ~std::uint64_t{3} : value;
}

bool ObjectReader::alive(std::uint64_t object) const {
  // A freed object keeps its count of 0. The collector's links: a freed object has no _gc_prev; during a collection the
  // field holds a count and flags, of which "collecting" (2) stays. "finalized" (1) may be set in both cases.
  const auto count = memory_.read<std::uint32_t>(object);
  const auto previous = memory_.read<std::uint64_t>(object - 8);
  return count && *count != 0 && previous && (*previous & ~std::uint64_t{1}) != 0;
}

const TypeInfo* ObjectReader::type_of(std::uint64_t object) const {
  if (object == 0) return nullptr;
  const auto type = memory_.pointer(object + interpreter_.layout.bpf.obj_type);
  if (!type) return nullptr;
  if (const auto found = types_.find(*type); found != types_.end()) return &found->second;
  if (types_.size() > 100'000) types_.clear();
  const Objects objects(memory_, interpreter_.layout);
  return &types_.emplace(*type, classify(objects.type_name(*type).value_or("?"))).first->second;
}

std::uint64_t ObjectReader::held(std::uint64_t object) const { return pointer(object + 16); }

bool ObjectReader::read_embedded(Stepped& into) const {
  const auto& [bpf, user] = interpreter_.layout;
  const auto raw = memory_.read<std::int8_t>(into.address + user.coro_state);
  if (!raw || !possible_state(bpf.version, *raw)) return false;
  into.state = state_of(bpf.version, *raw);
  into.frame = into.address + bpf.gen_iframe;
  into.code = user.coro_code != kNoOffset ? pointer(into.address + user.coro_code)
                                          : pointer(into.frame + bpf.frame_code);
  const bool finished = into.state == Stepped::State::finished;
  if (finished) into.frame = 0;
  if (into.code == 0) return finished;
  const TypeInfo* type = type_of(into.code);
  if (type == nullptr || type->name != "code") {
    into.code = 0;
    return finished;
  }
  // Slots of the frame: local variables and stack (co_nlocalsplus, co_stacksize lie around co_firstlineno since 3.11).
  const auto slots = memory_.read<std::array<std::int32_t, 3>>(into.code + bpf.code_firstlineno - 4);
  if (!slots || (*slots)[0] < 0 || (*slots)[2] < 0) return false;
  into.bytes = kGcHead + bpf.gen_iframe + bpf.frame_localsplus +
               8 * (std::uint64_t(std::uint32_t((*slots)[0])) + std::uint64_t(std::uint32_t((*slots)[2])));
  if (finished) return true;
  if (memory_.read<std::uint8_t>(into.frame + bpf.frame_owner) != 1) return false;  // FRAME_OWNED_BY_GENERATOR
  const auto offset = static_cast<std::int64_t>(pointer(into.frame + bpf.frame_instr) - into.code - bpf.code_bytecode);
  into.lasti = offset < 0 || offset > INT32_MAX ? -1 : static_cast<std::int32_t>(offset);
  if (into.state != Stepped::State::suspended) return true;
  if (bpf.version >= 0x030e0000) {
    // 3.15 leaves one value more on the stack of a frame that awaits.
    const std::uint64_t back = bpf.version >= 0x030f0000 ? 16 : 8;
    const std::uint64_t top = pointer(into.frame + user.frame_stacktop);
    into.awaits = top > into.frame ? pointer(top - back) : 0;
  } else if (const auto top = memory_.read<std::int32_t>(into.frame + user.frame_stacktop);
             top && *top > 0 && *top <= 1 << 16) {
    into.awaits = pointer(into.frame + bpf.frame_localsplus + 8 * static_cast<std::uint64_t>(*top - 1));
  }
  return true;
}

bool ObjectReader::read_frame_object(Stepped& into) const {
  const auto& [bpf, user] = interpreter_.layout;
  into.code = pointer(into.address + user.coro_code);
  const TypeInfo* type = type_of(into.code);
  if (type == nullptr || type->name != "code") return false;
  into.bytes = kGcHead + user.coro_size;
  into.frame = pointer(into.address + user.coro_frame);
  if (into.frame == 0) return true;  // finished
  if (pointer(into.frame + bpf.frame_code) != into.code || pointer(into.frame + bpf.frame_gen) != into.address) {
    return false;
  }
  const auto extra = memory_.read<std::int64_t>(into.frame + 16);  // ob_size
  if (!extra || *extra < 0 || *extra > 1 << 20) return false;
  into.bytes += kGcHead + user.frame_size + 8 * static_cast<std::uint64_t>(*extra);
  const auto lasti = memory_.read<std::int32_t>(into.frame + bpf.frame_instr);
  const auto state = memory_.read<std::int8_t>(into.frame + user.frame_state);
  if (!lasti || !state) return false;
  const bool units = (bpf.flags & PY_LASTI_IN_UNITS) != 0;
  into.lasti = units && *lasti > 0 ? *lasti * 2 : *lasti;
  std::uint64_t top = 0;
  if (units) {  // 3.10: enum _framestate
    if (*state < -2 || *state > 4) return false;
    into.state = *state == -2   ? Stepped::State::created
                 : *state == -1 ? Stepped::State::suspended
                 : *state == 0  ? Stepped::State::running
                                : Stepped::State::finished;
    const auto depth = memory_.read<std::int32_t>(into.frame + user.frame_stacktop);
    if (depth && *depth > 0 && *depth < 1 << 16) {
      top = pointer(into.frame + user.frame_valuestack) + 8 * static_cast<std::uint64_t>(*depth);
    }
  } else {  // 3.8, 3.9: f_executing
    if (*state != 0 && *state != 1) return false;
    into.state = *state == 1   ? Stepped::State::running
                 : *lasti == -1 ? Stepped::State::created
                                : Stepped::State::suspended;
    top = pointer(into.frame + user.frame_stacktop);
  }
  if (into.state == Stepped::State::suspended && top > into.frame) into.awaits = pointer(top - 8);
  return true;
}

std::optional<Stepped> ObjectReader::stepped(std::uint64_t object, Stepped::Kind kind) const {
  if (!alive(object)) return std::nullopt;
  Stepped found{.address = object, .kind = kind};
  const bool embedded = interpreter_.layout.bpf.gen_iframe != kNoOffset;
  if (!(embedded ? read_embedded(found) : read_frame_object(found))) return std::nullopt;
  found.qualname = pointer(object + interpreter_.layout.bpf.gen_qualname);
  const TypeInfo* text = type_of(found.qualname);
  if (text == nullptr || text->name != "str") return std::nullopt;
  return found;
}

std::optional<Future> ObjectReader::future(std::uint64_t object, bool task) const {
  const auto& [bpf, user] = interpreter_.layout;
  if (bpf.task_coro == kNoOffset || !alive(object)) return std::nullopt;
  const auto state = memory_.read<std::int32_t>(object + user.task_state);
  const auto log = memory_.read<std::uint8_t>(object + user.task_state + log_tb_offset(bpf.version));
  if (!state || !log || *state < 0 || *state > 2) return std::nullopt;
  Future found{.address = object, .task = task};
  found.loop = pointer(object + user.task_loop);
  if (found.loop == 0) return std::nullopt;  // before __init__
  found.pending = *state == 0;
  found.callback = pointer(object + kFutureCallback);
  found.exception = pointer(object + kFutureException);
  found.unread = *state == 2 && (*log & 1) != 0 && found.exception != 0;
  if (task) {
    found.coroutine = pointer(object + bpf.task_coro);
    if (found.pending) found.waits_for = pointer(object + user.task_waiter);
  }
  return found;
}

Census take_census(const ObjectReader& reader, const proc::Memory& live, const proc::ResidentMemory& resident,
                   const FutureTypes& types) {
  const Objects objects(reader.memory(), reader.interpreter().layout);
  std::vector<std::uint64_t> wanted{reader.interpreter().coro_type, reader.interpreter().async_gen_type, types.timeout,
                                    types.async_generator_manager};
  const std::size_t others = wanted.size();
  wanted.insert(wanted.end(), types.tasks.begin(), types.tasks.end());
  wanted.insert(wanted.end(), types.futures.begin(), types.futures.end());
  const HeapScan scan(wanted, reader.interpreter().layout.bpf.obj_type);
  const auto hits = scan.run(live, resident.ranges);

  Census census;
  census.bytes = hits.bytes;
  census.swapped_bytes = resident.swapped_bytes;
  census.unseen_bytes = hits.unreadable_bytes + resident.skipped_bytes;
  census.dropped = hits.dropped;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto kind = i == 0 ? Stepped::Kind::coroutine : Stepped::Kind::async_generator;
    for (const std::uint64_t object : hits.objects[i]) {
      if (const auto found = reader.stepped(object, kind)) census.stepped.emplace(object, *found);
    }
  }
  // The deadline is None or a float; of a stale block nothing but an address is taken.
  for (const std::uint64_t object : hits.objects[2]) {
    const auto task = objects.attribute(object, "_task");
    const auto when = objects.attribute(object, "_when");
    const TypeInfo* type = when ? reader.type_of(*when) : nullptr;
    if (task && type != nullptr && type->name != "NoneType") census.timed_tasks.insert(*task);
  }
  for (const std::uint64_t object : hits.objects[3]) {
    if (const auto generator = objects.attribute(object, "gen")) census.managed_generators.insert(*generator);
  }
  for (std::size_t i = others; i < wanted.size(); ++i) {
    for (const std::uint64_t object : hits.objects[i]) {
      if (const auto found = reader.future(object, i < others + types.tasks.size())) census.futures.push_back(*found);
    }
  }
  return census;
}

}  // namespace aiotrace::python
