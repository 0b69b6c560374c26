#include "python/holdings.h"

#include "python/containers.h"

namespace aiotrace::python {
namespace {

// Of managers inside of managers, and of locks that one frame takes.
constexpr unsigned kMaxDepth = 4;
constexpr std::size_t kMaxHeld = 256;

}  // namespace

// Timeout of asyncio 3.11 and of async_timeout, anyio's CancelScope: with a deadline they end what is inside of them.
// What is called like one and has none that is known may.
bool HoldingReader::ends_by_time(std::uint64_t manager, const std::string& type) {
  if (type == "TimerNoop") return false;
  if (!type.contains("imeout") && !type.contains("CancelScope") && !type.contains("Timer")) return false;
  const auto attributes = reader_.objects().attributes(manager);
  if (!attributes) return true;
  for (const auto& entry : *attributes) {
    const auto name = reader_.objects().text(entry.key, 32);
    if (name != "_when" && name != "_deadline") continue;
    if (entry.value == 0 || reader_.is_none(entry.value)) return false;
    // math.inf: none.
    return reader_.type_name(entry.value) != "float" || float_value(reader_.objects(), entry.value).has_value();
  }
  return true;
}

void HoldingReader::add_stack(std::uint64_t exit_stack, Holdings& into, unsigned depth) {
  // Lib/contextlib.py: (is_sync, bound method) of each manager that was entered.
  const std::uint64_t callbacks = resources_.attribute(exit_stack, "_exit_callbacks");
  if (callbacks == 0) return;
  const auto entries = deque_items(reader_.objects(), callbacks);
  for (const std::uint64_t entry : entries.value_or(std::vector<std::uint64_t>{})) {
    if (into.held.size() >= kMaxHeld) return;
    const auto pair = tuple_items(reader_.objects(), entry);
    const std::uint64_t manager = pair && pair->size() == 2 ? blocks_.self_of_exit(pair->back()) : 0;
    if (manager != 0) add_manager(manager, into, depth + 1);
  }
}

void HoldingReader::add_manager(std::uint64_t manager, Holdings& into, unsigned depth) {
  if (depth > kMaxDepth || into.held.size() >= kMaxHeld) return;
  const ResourceForm form = resources_.type_of(manager).form;
  if (form != ResourceForm::none) {
    const std::uint64_t lock = resources_.lock_of(manager, form);
    into.held.push_back(lock != 0 ? lock : manager);
    return;
  }
  const std::string& type = reader_.type_name(manager);
  if (type == "_GeneratorContextManager" || type == "_AsyncGeneratorContextManager") {
    const auto generator = reader_.coroutines().read(resources_.attribute(manager, "gen"));
    if (generator) add_frame(*generator, into, depth + 1);
  } else if (type == "ExitStack" || type == "AsyncExitStack") {
    add_stack(manager, into, depth);
  } else if (ends_by_time(manager, type)) {
    into.timed = true;
  }
}

void HoldingReader::add_frame(const Coroutine& frame, Holdings& into, unsigned depth) {
  if (depth > kMaxDepth) return;
  for (const std::uint64_t manager : blocks_.managers(frame)) add_manager(manager, into, depth);
}

}  // namespace aiotrace::python
