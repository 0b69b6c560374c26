#include "python/holdings.h"

#include "python/containers.h"

namespace aiotrace::python {
namespace {

// Limits: nested managers, and locks of one frame.
constexpr unsigned kMaxDepth = 4;
constexpr std::size_t kMaxHeld = 256;
// Limit: managers that are read for one frame, because stacks that contain each other multiply at each level.
constexpr std::size_t kMaxLooked = 1024;

}  // namespace

// Timeout of asyncio 3.11 and of async_timeout, anyio's CancelScope: if they have a deadline, they end the work inside
// them. A class with such a name and no known deadline may do so.
bool HoldingReader::ends_by_time(std::uint64_t manager, const std::string& type) {
  if (type == "TimerNoop") return false;
  if (!type.contains("imeout") && !type.contains("CancelScope") && !type.contains("Timer")) return false;
  const auto attributes = reader_.objects().attributes(manager);
  if (!attributes) return true;
  for (const auto& entry : *attributes) {
    const auto name = reader_.objects().text(entry.key, 32);
    if (name != "_when" && name != "_deadline") continue;
    if (entry.value == 0 || reader_.is_none(entry.value)) return false;
    // math.inf: no deadline.
    return reader_.type_name(entry.value) != "float" || float_value(reader_.objects(), entry.value).has_value();
  }
  return true;
}

bool HoldingReader::look(Holdings& into) {
  if (++looked_ <= kMaxLooked) return true;
  into.timed = true;
  return false;
}

bool HoldingReader::add_lock(std::uint64_t manager, Holdings& into) {
  const ResourceForm form = resources_.type_of(manager).form;
  if (form == ResourceForm::none) return false;
  const std::uint64_t lock = resources_.lock_of(manager, form);
  if (into.held.size() < kMaxHeld)
    into.held.push_back(lock != 0 ? lock : manager);
  else
    into.timed = true;
  return true;
}

// Locks first, because the other managers can lead to endless structures.
void HoldingReader::add(const std::vector<std::uint64_t>& managers, Holdings& into, unsigned depth) {
  std::vector<std::uint64_t> others;
  for (const std::uint64_t manager : managers) {
    if (!add_lock(manager, into)) others.push_back(manager);
  }
  for (const std::uint64_t manager : others) follow(manager, into, depth);
}

void HoldingReader::follow(std::uint64_t manager, Holdings& into, unsigned depth) {
  const std::string& type = reader_.type_name(manager);
  const bool generator = type == "_GeneratorContextManager" || type == "_AsyncGeneratorContextManager";
  const bool stack = type == "ExitStack" || type == "AsyncExitStack";
  if (!generator && !stack) {
    into.timed = into.timed || ends_by_time(manager, type);
  } else if (depth >= kMaxDepth || looked_ > kMaxLooked) {
    into.timed = true;
  } else if (stack) {
    add_stack(manager, into, depth + 1);
  } else if (const auto frame = reader_.coroutines().read(resources_.attribute(manager, "gen"))) {
    add_frame(*frame, into, depth + 1);
  }
}

void HoldingReader::add_stack(std::uint64_t exit_stack, Holdings& into, unsigned depth) {
  // Lib/contextlib.py: (is_sync, bound method) of each manager that was entered.
  const std::uint64_t callbacks = resources_.attribute(exit_stack, "_exit_callbacks");
  if (callbacks == 0) return;
  const auto entries = deque_items(reader_.objects(), callbacks, kMaxLooked + 1);
  std::vector<std::uint64_t> managers;
  for (const std::uint64_t entry : entries.value_or(std::vector<std::uint64_t>{})) {
    if (!look(into)) break;
    const auto pair = tuple_items(reader_.objects(), entry, 3);
    const std::uint64_t manager = pair && pair->size() == 2 ? blocks_.self_of_exit(pair->back()) : 0;
    if (manager != 0) managers.push_back(manager);
  }
  add(managers, into, depth);
}

void HoldingReader::add_frame(const Coroutine& frame, Holdings& into, unsigned depth) {
  auto managers = blocks_.managers(frame);
  if (!managers) into.timed = true;
  if (!managers) return;
  std::size_t looked = 0;
  while (looked < managers->size() && look(into)) ++looked;
  managers->resize(looked);
  add(*managers, into, depth);
}

void HoldingReader::read(const Coroutine& frame, Holdings& into) {
  looked_ = 0;
  add_frame(frame, into, 0);
}

}  // namespace aiotrace::python
