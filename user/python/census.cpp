#include "python/census.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "python/heap_scan.h"
#include "python/objects.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxTypes = 64;
constexpr std::size_t kMaxTypeNames = 65'536;

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
  std::erase_if(types.futures,
                [&](std::uint64_t type) { return std::ranges::find(types.tasks, type) != types.tasks.end(); });
  return types;
}

std::uint64_t ObjectReader::pointer(std::uint64_t at) const {
  const auto value = memory_.read<std::uint64_t>(at).value_or(0);
  return interpreter_.layout.bpf.flags & PY_TAGGED_REFS ? value & ~std::uint64_t{3} : value;
}

bool ObjectReader::alive(std::uint64_t object) const {
  const Objects objects(memory_, interpreter_.layout);
  return objects.referenced(object) && objects.tracked(object);
}

const std::string& ObjectReader::type_name(std::uint64_t object) const {
  static const std::string kNone;
  const auto type = object != 0 ? memory_.pointer(object + interpreter_.layout.bpf.obj_type) : std::nullopt;
  if (!type) return kNone;
  if (const auto found = types_.find(*type); found != types_.end()) return found->second;
  if (types_.size() >= kMaxTypeNames) types_.clear();
  const Objects objects(memory_, interpreter_.layout);
  return types_.emplace(*type, objects.type_name(*type).value_or("")).first->second;
}

// A block that was freed keeps a type pointer, and what lies behind it can have any value.
bool ObjectReader::believable(const Coroutine& coroutine) const {
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

std::uint64_t ObjectReader::size_of(const Coroutine& coroutine) const {
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

std::optional<Stepped> ObjectReader::stepped(std::uint64_t object) const {
  const auto read = coroutines_.read(object);
  if (!read || !alive(object) || !believable(*read)) return std::nullopt;
  Stepped found{*read};
  found.bytes = size_of(found);
  return found;
}

std::optional<Future> ObjectReader::future(std::uint64_t object, bool task) const {
  const auto& [bpf, user] = interpreter_.layout;
  if (bpf.task_coro == kNoOffset || !alive(object)) return std::nullopt;
  const auto state = memory_.read<std::int32_t>(object + user.task_state);
  const auto log = memory_.read<std::uint8_t>(object + user.task_log_tb);
  if (!state || !log || *state < 0 || *state > 2) return std::nullopt;
  Future found{.address = object, .task = task};
  found.loop = pointer(object + user.task_loop);
  if (found.loop == 0) return std::nullopt;  // before __init__
  found.pending = *state == 0;
  found.callback = pointer(object + user.task_callback);
  found.exception = pointer(object + user.task_exception);
  found.unread = *state == 2 && (*log & 1) != 0 && found.exception != 0;
  if (task) {
    found.coroutine = pointer(object + bpf.task_coro);
    if (found.pending) found.waits_for = pointer(object + user.task_waiter);
  }
  return found;
}

Census take_census(const ObjectReader& reader, const proc::Memory& live, const proc::ResidentMemory& resident,
                   const FutureTypes& types, const proc::TakePiece& also) {
  const Objects objects(reader.memory(), reader.interpreter().layout);
  std::vector<std::uint64_t> wanted{reader.interpreter().coro_type, reader.interpreter().async_gen_type, types.timeout,
                                    types.async_generator_manager};
  const std::size_t others = wanted.size();
  wanted.insert(wanted.end(), types.tasks.begin(), types.tasks.end());
  wanted.insert(wanted.end(), types.futures.begin(), types.futures.end());
  const HeapScan scan(wanted, reader.interpreter().layout.bpf.obj_type);
  const auto hits = scan.run(live, resident.ranges, also);

  Census census;
  census.bytes = hits.bytes;
  census.swapped_bytes = resident.swapped_bytes;
  census.unseen_bytes = hits.unreadable_bytes + resident.skipped_bytes;
  census.dropped = hits.dropped;
  for (std::size_t i = 0; i < 2; ++i) {
    for (const std::uint64_t object : hits.objects[i]) {
      if (const auto found = reader.stepped(object)) census.stepped.emplace(object, *found);
    }
  }
  // The deadline is None or a float; of a stale block nothing but an address is taken.
  for (const std::uint64_t object : hits.objects[2]) {
    const auto task = objects.attribute(object, "_task");
    const auto when = objects.attribute(object, "_when");
    if (task && when && reader.type_name(*when) == "float") census.timed_tasks.insert(*task);
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
