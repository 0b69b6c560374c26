#include "python/waits.h"

#include <algorithm>
#include <ranges>

#include "python/containers.h"

namespace aiotrace::python {

// Null: no known one.
const KnownFunction* WaitReader::wait_in(const Coroutine& link) {
  const KnownFunction* found = reader_.known().find(link);
  return found != nullptr && (found->role == CodeRole::wait || found->role == CodeRole::future) ? found : nullptr;
}

// Among the library functions at the chain's end, the one that the program called describes the wait best; functions
// that only pass the wait on (wait_for) count if there is no other.
const KnownFunction* WaitReader::innermost_wait(const AwaitChain& chain, const Coroutine*& link) {
  const KnownFunction* best = nullptr;
  for (const Coroutine& each : std::views::reverse(chain.links)) {
    const KnownFunction* wait = wait_in(each);
    if (wait == nullptr) break;
    if (best != nullptr && !best->passes && wait->passes) continue;
    best = wait;
    link = &each;
  }
  return best;
}

// asyncio's own callbacks show what created a future: shield(), and futures that follow a thread's future. Null: the
// callback is not asyncio's.
const KnownFunction* WaitReader::done_callback_of(const FutureFields& future) {
  const std::uint64_t callback = reader_.futures().first_callback(future);
  if (reader_.type_name(callback) != "function") return nullptr;
  const auto code = reader_.memory().pointer(callback + reader_.interpreter().layout.user.function_code);
  const KnownFunction* known = reader_.known().find(code.value_or(0));
  return known != nullptr && known->role == CodeRole::done_callback ? known : nullptr;
}

// Lib/asyncio/tasks.py.
bool WaitReader::is_gathering(std::uint64_t future) { return reader_.type_name(future) == "_GatheringFuture"; }

void WaitReader::add_tasks(WaitsFor& found, const std::vector<std::uint64_t>& futures) {
  for (const std::uint64_t object : futures) {
    if (++looked_ > kMaxWaitedFor || named_ >= kMaxWaitedForByAll) {
      found.more_tasks = true;
      return;
    }
    const auto future = reader_.futures().read(object);
    if (!future || !future->task || !future->pending()) continue;
    found.tasks.push_back(object);
    named_++;
  }
}

void WaitReader::by_callback(WaitsFor& found, const FutureFields& future, std::uint64_t waiting) {
  const KnownFunction* known = done_callback_of(future);
  if (known == nullptr || known->wait == WaitKind::unknown) return;
  found.kind = known->wait;
  found.call = known->call;
  if (found.kind != WaitKind::shield) return;
  const Objects& objects = reader_.objects();
  const std::uint64_t callback = reader_.futures().first_callback(future);
  const auto closure = reader_.memory().pointer(callback + objects.layout().user.function_closure);
  const auto cells = closure ? tuple_items(objects, *closure) : std::nullopt;
  for (const std::uint64_t cell : cells.value_or(std::vector<std::uint64_t>{})) {
    const auto value = reader_.memory().read<std::uint64_t>(cell + objects.layout().user.cell_value);
    // 3.14 keeps the task that called shield() there, too.
    if (value && *value != 0 && *value != waiting) add_tasks(found, {*value});
  }
}

void WaitReader::add_gathered(WaitsFor& found, std::uint64_t gathering, std::uint64_t waiting, unsigned depth) {
  constexpr unsigned kMaxDepth = 2;
  const auto children = reader_.objects().attribute(gathering, "_children");
  const auto items = children ? list_items(reader_.objects(), *children) : std::nullopt;
  if (!items) return;
  add_tasks(found, *items);
  // A gather() inside a gather() waits for the inner one's tasks.
  for (const std::uint64_t item : *items) {
    if (depth >= kMaxDepth || ++looked_ > kMaxWaitedFor) break;
    if (reader_.futures().kind_of(item) != FutureKind::future || !is_gathering(item)) continue;
    WaitsFor nested;
    by_target(nested, item, waiting, depth + 1);
    found.tasks.insert(found.tasks.end(), nested.tasks.begin(), nested.tasks.end());
    found.more_tasks = found.more_tasks || nested.more_tasks;
  }
}

void WaitReader::by_target(WaitsFor& found, std::uint64_t target, std::uint64_t waiting, unsigned depth) {
  const auto future = reader_.futures().read(target);
  if (!future) return;
  if (!future->pending()) {
    found.kind = WaitKind::turn;
    return;
  }
  if (future->task) {
    found.kind = WaitKind::task;
    found.tasks.push_back(target);
    return;
  }
  found.kind = WaitKind::future;
  if (!is_gathering(target)) return by_callback(found, *future, waiting);
  found.kind = WaitKind::gather;
  found.call = "asyncio.gather";
  add_gathered(found, target, waiting, depth);
}

void WaitReader::set_sleep(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns) {
  const Objects& objects = reader_.objects();
  const auto due = timers_.due_ns(reader_.variable(link, "h"));
  if (!due) return;
  found.left_ns = static_cast<std::int64_t>(*due - now_ns);
  const auto delay = float_value(objects, reader_.variable(link, "delay"));
  const auto whole = delay ? std::nullopt : objects.unsigned_int(reader_.variable(link, "delay"));
  const double seconds = delay ? *delay : whole ? static_cast<double>(*whole) : -1;
  if (seconds < 0 || seconds > 9e9) return;
  const auto since = static_cast<std::int64_t>(*due) - static_cast<std::int64_t>(seconds * 1e9);
  if (since >= 0 && static_cast<std::uint64_t>(since) <= now_ns) {
    found.waiting_ns = now_ns - static_cast<std::uint64_t>(since);
  }
}

// The descriptor of `owner._transport`, as asyncio's own selector transports keep it.
std::optional<std::int32_t> WaitReader::transport_fd(std::uint64_t owner) const {
  const Objects& objects = reader_.objects();
  const auto transport = objects.attribute(owner, "_transport");
  const auto fd = transport ? objects.attribute(*transport, "_sock_fd") : std::nullopt;
  const auto number = fd ? objects.unsigned_int(*fd) : std::nullopt;
  return number && *number <= INT32_MAX ? std::optional(static_cast<std::int32_t>(*number)) : std::nullopt;
}

void WaitReader::details(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns) {
  const Objects& objects = reader_.objects();
  switch (found.kind) {
    case WaitKind::sleep: set_sleep(found, link, now_ns); break;
    case WaitKind::queue: {
      const auto items = objects.attribute(reader_.variable(link, "self"), "_queue");
      const auto type = items ? objects.type_of(*items) : std::nullopt;
      const auto its = type ? objects.type_name(*type) : std::nullopt;
      if (its == "collections.deque" || its == "list") found.queue_size = length_of(objects, *items);
      break;
    }
    case WaitKind::socket: {
      if (const std::uint64_t sock = reader_.variable(link, "sock"); sock != 0) {
        // PySocketSockObject (Modules/socketmodule.h): the descriptor is its first field.
        const auto fd = objects.memory().read<std::int32_t>(sock + objects.layout().bpf.obj_type + 8);
        if (fd && *fd >= 0) found.fd = fd;
      } else {
        found.fd = transport_fd(reader_.variable(link, "self"));
      }
      break;
    }
    case WaitKind::process: {
      const std::uint64_t self = reader_.variable(link, "self");
      const auto transport = objects.attribute(self, "_transport").value_or(self);
      const auto pid = objects.attribute(transport, "_pid");
      const auto number = pid ? objects.unsigned_int(*pid) : std::nullopt;
      if (number && *number <= INT32_MAX) found.child_pid = static_cast<std::int32_t>(*number);
      break;
    }
    case WaitKind::task_group: {
      const auto tasks = objects.attribute(reader_.variable(link, "self"), "_tasks");
      if (tasks) add_tasks(found, set_items(objects, *tasks).value_or(std::vector<std::uint64_t>{}));
      break;
    }
    default: break;
  }
}

WaitsFor WaitReader::read(const FutureFields& task, const AwaitChain& chain, std::uint64_t now_ns) {
  WaitsFor found;
  looked_ = 0;
  found.object = task.waiter != 0 ? task.waiter : chain.target;
  if (chain.links.empty()) return found;
  if (chain.links.front().state == CoroutineState::created) {
    found.kind = WaitKind::start;
    return found;
  }
  if (chain.links.front().state != CoroutineState::suspended) return found;
  if (chain.links.back().state == CoroutineState::running) return found;
  if (task.waiter == 0) {
    found.kind = WaitKind::turn;
    return found;
  }
  by_target(found, task.waiter, task.object, 0);
  if (found.kind == WaitKind::turn) return found;

  const Coroutine* link = nullptr;
  const KnownFunction* wait = innermost_wait(chain, link);
  if (wait == nullptr) return found;
  // A task, gather() or shield() inside wait_for() describes the wait better than wait_for() itself.
  const bool general = wait->wait == WaitKind::future;
  if (found.kind == WaitKind::future && !general) found.kind = wait->wait;
  if (found.call.empty()) found.call = wait->call;
  if (found.kind == wait->wait) details(found, *link, now_ns);
  add_waited(found, chain);
  return found;
}

// wait() and wait_for() wait for their own future, which the tasks' callbacks set.
void WaitReader::add_waited(WaitsFor& found, const AwaitChain& chain) {
  for (const Coroutine& link : std::views::reverse(chain.links)) {
    const KnownFunction* its = wait_in(link);
    if (its == nullptr) return;
    if (its->wait == WaitKind::wait) {
      for (const char* variable : {"fs", "todo"}) {
        const std::uint64_t futures = reader_.variable(link, variable);
        if (futures != 0)
          add_tasks(found, set_items(reader_.objects(), futures).value_or(std::vector<std::uint64_t>{}));
        if (!found.tasks.empty()) return;
      }
    }
    if (!its->deadline.empty() && found.tasks.empty()) add_tasks(found, {reader_.variable(link, "fut")});
  }
}

WaitReader::AwaitedObject WaitReader::awaited_object(const FutureFields& task, const AwaitChain& chain) {
  const Coroutine* link = nullptr;
  const KnownFunction* wait = innermost_wait(chain, link);
  const std::uint64_t self = wait != nullptr && !wait->passes ? reader_.variable(*link, "self") : 0;
  if (self == 0) return {.kind = WaitKind::future, .object = task.waiter};
  return {.kind = wait->wait, .object = self};
}

WaitEnd WaitReader::end_in(const Coroutine& link) {
  const KnownFunction* wait = wait_in(link);
  if (wait == nullptr) return WaitEnd::unknown;
  const bool timed = wait->deadline.empty() || !reader_.is_none(reader_.variable(link, wait->deadline));
  return timed ? wait->end : WaitEnd::unknown;
}

WaitEnd WaitReader::end_by_future(std::uint64_t waited) {
  const auto future = reader_.futures().read(waited);
  if (!future) return WaitEnd::unknown;
  if (!future->pending()) return WaitEnd::timer;
  if (future->task || is_gathering(waited)) return WaitEnd::tasks;
  const KnownFunction* known = done_callback_of(*future);
  return known != nullptr ? known->end : WaitEnd::unknown;
}

// The callback of run_until_complete(); uvloop's is a closure of Cython.
bool WaitReader::ends_with_program(const FutureFields& task) {
  if (reader_.type_name(reader_.futures().first_callback(task)).contains("cython_function")) return true;
  const KnownFunction* known = done_callback_of(task);
  return known != nullptr && known->end == WaitEnd::program;
}

WaitEnd WaitReader::end_of(const FutureFields& task, const AwaitChain& chain) {
  WaitEnd end = end_by_future(task.waiter);
  for (const Coroutine& link : chain.links) {
    if (end == WaitEnd::timer || end == WaitEnd::tasks) return end;
    const WaitEnd its = end_in(link);
    if (its != WaitEnd::unknown) end = its;
  }
  if (end == WaitEnd::timer || end == WaitEnd::tasks) return end;
  return ends_with_program(task) ? WaitEnd::program : end;
}

}  // namespace aiotrace::python
