#include "python/waits.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "python/containers.h"

namespace aiotrace::python {

/// A function of the standard library that a task waits in.
struct WaitReader::Rule {
  std::string_view file;      ///< in Lib/asyncio
  std::string_view function;  ///< qualified
  WaitKind kind;
  std::string_view call;  ///< as the program calls it
  bool passes = false;    ///< only stands between the program and what it waits for
};

namespace {

constexpr std::array<std::string_view, 22> kNames = {"unknown",    "start",          "turn",   "running",   "sleep",
                                                     "future",     "task",           "gather", "wait",      "shield",
                                                     "task-group", "lock",           "event",  "condition", "semaphore",
                                                     "barrier",    "queue",          "socket", "executor",  "process",
                                                     "server",     "async-generator"};
static_assert(kNames.size() == static_cast<std::size_t>(WaitKind::async_generator) + 1);

constexpr std::size_t kMaxRules = 100'000;

}  // namespace

std::string_view name(WaitKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

// Null: none of them.
const WaitReader::Rule* WaitReader::rule_of(const Coroutine& link) {
  using enum WaitKind;
  static constexpr std::array kRules = std::to_array<Rule>({
      {"futures.py", "Future.__await__", future, "", true},
      {"tasks.py", "sleep", sleep, "asyncio.sleep"},
      {"tasks.py", "wait", wait, "asyncio.wait"},
      {"tasks.py", "_wait", wait, "asyncio.wait", true},
      {"tasks.py", "wait_for", future, "asyncio.wait_for", true},
      {"tasks.py", "as_completed.<locals>._wait_for_one", wait, "asyncio.as_completed"},
      {"tasks.py", "_AsCompletedIterator._wait_for_one", wait, "asyncio.as_completed"},
      {"taskgroups.py", "TaskGroup.__aexit__", task_group, "TaskGroup.__aexit__"},
      {"taskgroups.py", "TaskGroup._aexit", task_group, "TaskGroup.__aexit__", true},
      {"timeouts.py", "timeout", future, "asyncio.timeout", true},
      {"locks.py", "_ContextManagerMixin.__aenter__", lock, "", true},
      {"locks.py", "Lock.acquire", lock, "Lock.acquire"},
      {"locks.py", "Event.wait", event, "Event.wait"},
      {"locks.py", "Condition.wait", condition, "Condition.wait"},
      {"locks.py", "Condition.wait_for", condition, "Condition.wait_for"},
      {"locks.py", "Semaphore.acquire", semaphore, "Semaphore.acquire"},
      {"locks.py", "Barrier.wait", barrier, "Barrier.wait"},
      {"locks.py", "Barrier._block", barrier, "Barrier.wait"},
      {"locks.py", "Barrier._wait", barrier, "Barrier.wait"},
      {"locks.py", "Barrier.__aenter__", barrier, "Barrier.wait"},
      {"queues.py", "Queue.get", queue, "Queue.get"},
      {"queues.py", "Queue.put", queue, "Queue.put"},
      {"queues.py", "Queue.join", queue, "Queue.join"},
      {"streams.py", "StreamReader._wait_for_data", socket, "StreamReader.read", true},
      {"streams.py", "StreamReader.read", socket, "StreamReader.read"},
      {"streams.py", "StreamReader.readline", socket, "StreamReader.readline"},
      {"streams.py", "StreamReader.readuntil", socket, "StreamReader.readuntil"},
      {"streams.py", "StreamReader.readexactly", socket, "StreamReader.readexactly"},
      {"streams.py", "StreamReader.__anext__", socket, "StreamReader.readline"},
      {"streams.py", "StreamWriter.drain", socket, "StreamWriter.drain"},
      {"streams.py", "FlowControlMixin._drain_helper", socket, "StreamWriter.drain", true},
      {"streams.py", "StreamWriter.wait_closed", socket, "StreamWriter.wait_closed"},
      {"streams.py", "open_connection", socket, "asyncio.open_connection"},
      {"base_events.py", "BaseEventLoop.create_connection", socket, "loop.create_connection"},
      {"base_events.py", "BaseEventLoop._connect_sock", socket, "loop.create_connection", true},
      {"base_events.py", "BaseEventLoop.getaddrinfo", executor, "loop.getaddrinfo"},
      {"base_events.py", "BaseEventLoop._ensure_resolved", executor, "loop.getaddrinfo"},
      {"base_events.py", "Server.serve_forever", server, "Server.serve_forever"},
      {"base_events.py", "Server.wait_closed", server, "Server.wait_closed"},
      {"base_events.py", "BaseEventLoop.shutdown_default_executor", executor, "loop.shutdown_default_executor"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_recv", socket, "loop.sock_recv"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_recv_into", socket, "loop.sock_recv_into"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_recvfrom", socket, "loop.sock_recvfrom"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_sendall", socket, "loop.sock_sendall"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_sendto", socket, "loop.sock_sendto"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_connect", socket, "loop.sock_connect"},
      {"selector_events.py", "BaseSelectorEventLoop.sock_accept", socket, "loop.sock_accept"},
      {"threads.py", "to_thread", executor, "asyncio.to_thread"},
      {"subprocess.py", "Process.wait", process, "Process.wait"},
      {"subprocess.py", "Process.communicate", process, "Process.communicate"},
      {"base_subprocess.py", "BaseSubprocessTransport._wait", process, "Process.wait", true},
  });
  const auto known = rules_.find(link.code);
  if (known != rules_.end()) return known->second;
  if (rules_.size() >= kMaxRules) rules_.clear();
  const Rule* found = nullptr;
  const auto code = codes_.find(link.code);
  const std::string_view file = code ? std::string_view(code->file) : std::string_view();
  constexpr std::string_view kFolder = "/asyncio/";
  const std::size_t folder = file.rfind(kFolder);
  if (folder != std::string_view::npos) {
    const std::string_view base = file.substr(folder + kFolder.size());
    // Code objects have no qualified name before 3.11, coroutines do.
    const auto qualified = coroutines_.qualified_name(link.object).value_or(code->function);
    const auto rule = std::ranges::find_if(kRules, [&](const Rule& each) {
      return each.file == base && each.function == qualified;
    });
    if (rule != kRules.end()) found = &*rule;
  }
  return rules_.emplace(link.code, found).first->second;
}

// Of the library's functions at the chain's end the one that the program called says best what it waits for; those that
// only pass on (wait_for) count if there is no other.
const WaitReader::Rule* WaitReader::find_rule(const AwaitChain& chain, const Coroutine*& link) {
  const Rule* best = nullptr;
  for (const Coroutine& each : std::views::reverse(chain.links)) {
    const Rule* rule = rule_of(each);
    if (rule == nullptr) break;
    if (best != nullptr && !best->passes && rule->passes) continue;
    best = rule;
    link = &each;
  }
  return best;
}

std::uint64_t WaitReader::local(const Coroutine& link, std::string_view variable) {
  const auto code = codes_.find(link.code);
  if (!code) return 0;
  const auto at = std::ranges::find(code->locals, variable);
  if (at == code->locals.end()) return 0;
  return coroutines_.local(link, static_cast<std::size_t>(at - code->locals.begin()));
}

void WaitReader::add_tasks(WaitsFor& found, const std::vector<std::uint64_t>& futures) {
  for (const std::uint64_t object : futures) {
    if (++looked_ > kMaxWaitedFor || told_ >= kMaxWaitedForByAll) {
      found.more_tasks = true;
      return;
    }
    const auto future = futures_.read(object);
    if (!future || !future->task || future->state != FutureState::pending) continue;
    found.tasks.push_back(object);
    told_++;
  }
}

// asyncio's own callbacks tell who made a future: shield(), and futures that follow a thread's.
void WaitReader::by_callback(WaitsFor& found, const FutureFields& future, std::uint64_t waiting) {
  const Objects& objects = futures_.objects();
  const std::uint64_t callback = futures_.first_callback(future);
  const auto type = objects.type_of(callback);
  if (!type || objects.type_name(*type) != "function") return;
  const auto code = codes_.find(
      objects.memory().read<std::uint64_t>(callback + objects.layout().user.function_code).value_or(0));
  if (!code) return;
  const std::string_view file = code->file;
  const std::string_view function = std::string_view(code->function).substr(code->function.rfind('.') + 1);
  if (function == "_call_check_cancel" && file.ends_with("asyncio/futures.py")) {
    found.kind = WaitKind::executor;  // _chain_future(): wrap_future() of a concurrent.futures.Future
    return;
  }
  if (function != "_outer_done_callback" || !file.ends_with("asyncio/tasks.py")) return;
  found.kind = WaitKind::shield;
  found.call = "asyncio.shield";
  const auto closure = objects.memory().pointer(callback + objects.layout().user.function_closure);
  const auto cells = closure ? tuple_items(objects, *closure) : std::nullopt;
  for (const std::uint64_t cell : cells.value_or(std::vector<std::uint64_t>{})) {
    const auto value = objects.memory().read<std::uint64_t>(cell + objects.layout().user.cell_value);
    // 3.14 keeps the task that called shield() there, too.
    if (value && *value != 0 && *value != waiting) add_tasks(found, {*value});
  }
}

void WaitReader::by_target(WaitsFor& found, std::uint64_t target, std::uint64_t waiting, unsigned depth) {
  constexpr unsigned kMaxDepth = 2;
  const Objects& objects = futures_.objects();
  const auto future = futures_.read(target);
  if (!future) return;
  if (future->state != FutureState::pending) {
    found.kind = WaitKind::turn;
    return;
  }
  if (future->task) {
    found.kind = WaitKind::task;
    found.tasks.push_back(target);
    return;
  }
  found.kind = WaitKind::future;
  const auto type = objects.type_of(target);
  if (type && objects.type_name(*type) == "_GatheringFuture") {  // Lib/asyncio/tasks.py
    found.kind = WaitKind::gather;
    found.call = "asyncio.gather";
    const auto children = objects.attribute(target, "_children");
    const auto items = children ? list_items(objects, *children) : std::nullopt;
    if (!items) return;
    add_tasks(found, *items);
    // A gather() inside of a gather() waits for the inner one's.
    for (const std::uint64_t item : *items) {
      if (depth >= kMaxDepth || ++looked_ > kMaxWaitedFor) break;
      const auto inner = futures_.kind_of(item) == FutureKind::future ? objects.type_of(item) : std::nullopt;
      if (!inner || objects.type_name(*inner) != "_GatheringFuture") continue;
      WaitsFor nested;
      by_target(nested, item, waiting, depth + 1);
      found.tasks.insert(found.tasks.end(), nested.tasks.begin(), nested.tasks.end());
      found.more_tasks = found.more_tasks || nested.more_tasks;
    }
    return;
  }
  by_callback(found, *future, waiting);
}

void WaitReader::set_sleep(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns) {
  const Objects& objects = futures_.objects();
  const auto due = timers_.due_ns(local(link, "h"));
  if (!due) return;
  found.left_ns = static_cast<std::int64_t>(*due - now_ns);
  const auto delay = float_value(objects, local(link, "delay"));
  const auto whole = delay ? std::nullopt : objects.unsigned_int(local(link, "delay"));
  const double seconds = delay ? *delay : whole ? static_cast<double>(*whole) : -1;
  if (seconds < 0 || seconds > 9e9) return;
  const auto since = static_cast<std::int64_t>(*due) - static_cast<std::int64_t>(seconds * 1e9);
  if (since >= 0 && static_cast<std::uint64_t>(since) <= now_ns) {
    found.waiting_ns = now_ns - static_cast<std::uint64_t>(since);
  }
}

// The descriptor of `owner._transport`, as asyncio's own selector transports keep it.
std::optional<std::int32_t> WaitReader::transport_fd(std::uint64_t owner) const {
  const Objects& objects = futures_.objects();
  const auto transport = objects.attribute(owner, "_transport");
  const auto fd = transport ? objects.attribute(*transport, "_sock_fd") : std::nullopt;
  const auto number = fd ? objects.unsigned_int(*fd) : std::nullopt;
  return number && *number <= INT32_MAX ? std::optional(static_cast<std::int32_t>(*number)) : std::nullopt;
}

void WaitReader::details(WaitsFor& found, const Coroutine& link, std::uint64_t now_ns) {
  const Objects& objects = futures_.objects();
  switch (found.kind) {
    case WaitKind::sleep: set_sleep(found, link, now_ns); break;
    case WaitKind::queue: {
      const auto items = objects.attribute(local(link, "self"), "_queue");
      const auto type = items ? objects.type_of(*items) : std::nullopt;
      const auto its = type ? objects.type_name(*type) : std::nullopt;
      if (its == "collections.deque" || its == "list") found.queue_size = length_of(objects, *items);
      break;
    }
    case WaitKind::socket: {
      if (const std::uint64_t sock = local(link, "sock"); sock != 0) {
        // PySocketSockObject (Modules/socketmodule.h): the descriptor is its first field.
        const auto fd = objects.memory().read<std::int32_t>(sock + objects.layout().bpf.obj_type + 8);
        if (fd && *fd >= 0) found.fd = fd;
      } else {
        found.fd = transport_fd(local(link, "self"));
      }
      break;
    }
    case WaitKind::process: {
      const std::uint64_t self = local(link, "self");
      const auto transport = objects.attribute(self, "_transport").value_or(self);
      const auto pid = objects.attribute(transport, "_pid");
      const auto number = pid ? objects.unsigned_int(*pid) : std::nullopt;
      if (number && *number <= INT32_MAX) found.child_pid = static_cast<std::int32_t>(*number);
      break;
    }
    case WaitKind::task_group: {
      const auto tasks = objects.attribute(local(link, "self"), "_tasks");
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
  const Rule* rule = find_rule(chain, link);
  if (rule == nullptr) return found;
  // A task, gather() or shield() inside of wait_for() says more than wait_for() itself.
  const bool general = rule->kind == WaitKind::future;
  if (found.kind == WaitKind::future && !general) found.kind = rule->kind;
  if (found.call.empty()) found.call = rule->call;
  if (found.kind == rule->kind) details(found, *link, now_ns);
  // What these wait for is a future of their own that the tasks' callbacks set.
  for (const Coroutine& each : std::views::reverse(chain.links)) {
    const Rule* its = rule_of(each);
    if (its == nullptr) break;
    if (its->call == "asyncio.wait" || its->kind == WaitKind::wait) {
      for (const char* variable : {"fs", "todo"}) {
        const std::uint64_t futures = local(each, variable);
        if (futures != 0)
          add_tasks(found, set_items(futures_.objects(), futures).value_or(std::vector<std::uint64_t>{}));
        if (futures != 0 && !found.tasks.empty()) break;
      }
      if (!found.tasks.empty()) break;
    }
    if (its->call == "asyncio.wait_for" && found.tasks.empty()) add_tasks(found, {local(each, "fut")});
  }
  return found;
}

}  // namespace aiotrace::python
