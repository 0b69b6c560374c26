#include "python/cancel_requests.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "python/containers.h"
#include "python/thread_waits.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;
constexpr std::uint32_t kPython313 = 0x030d0000;
constexpr std::size_t kMaxCancelled = 65'536;

struct Requests {
  bool undelivered = false;  // _must_cancel: the next step raises
  bool asked = false;        // cancel() more often than uncancel()
};

// Modules/_asynciomodule.c, TaskObj. 3.11 and 3.12: task_name, task_context, int must_cancel, log_destroy_pending,
// num_cancels_requested at its end. Since 3.13: must_cancel is the third bit behind fut_log_tb, num_cancels_requested
// lies before task_fut_waiter. Read from tasks of 3.11.7, 3.12.1, 3.13.0, 3.13.5, 3.13.5t, 3.14.8, 3.15.0 that
// cancelled themselves.
std::optional<Requests> in_c(const AsyncioReader& reader, std::uint64_t task) {
  const auto& [bpf, user] = reader.interpreter().layout;
  if (bpf.version < kPython311) return std::nullopt;
  const bool at_end = bpf.version < kPython313;
  const auto must = reader.memory().read<std::uint8_t>(task + (at_end ? bpf.task_name + 16 : user.task_log_tb));
  const auto asked = reader.memory().read<std::int32_t>(task + (at_end ? bpf.task_name + 24 : user.task_waiter - 8));
  constexpr std::int32_t kMost = 1'000'000;
  if (!must || !asked || *asked < 0 || *asked > kMost) return std::nullopt;
  return Requests{.undelivered = (*must & (at_end ? 1 : 4)) != 0, .asked = *asked > 0};
}

std::optional<Requests> in_python(const AsyncioReader& reader, std::uint64_t task) {
  const auto number = [&](std::string_view name) {
    const auto value = reader.objects().attribute(task, name);
    return value ? reader.objects().unsigned_int(*value) : std::nullopt;
  };
  const auto must = number("_must_cancel");
  const auto asked = number("_num_cancels_requested");
  if (!must || !asked) return std::nullopt;
  return Requests{.undelivered = *must != 0, .asked = *asked > 0};
}

// Objects/genobject.c: gi_exc_state lies before cr_origin. {exc_value, previous_item} since 3.11, {exc_type, exc_value,
// exc_traceback, previous_item} before.
bool handles(const AsyncioReader& reader, const Coroutine& link) {
  const auto& [bpf, user] = reader.interpreter().layout;
  if (link.object == 0) return false;
  const std::uint64_t at = link.object + user.coro_origin - (bpf.version < kPython311 ? 32 : 16);
  const auto exception = reader.memory().read<std::uint64_t>(at);
  if (!exception) return true;  // unreadable: not judged
  const auto type = *exception != 0 ? reader.objects().type_of(*exception) : std::nullopt;
  return *exception != 0 && (!type || reader.objects().type_name(*type) != "NoneType");
}

std::string_view bare(std::string_view function) { return function.substr(function.rfind('.') + 1); }

}  // namespace

bool handles_nothing(const AsyncioReader& reader, const AwaitChain& chain) {
  return !chain.cut() && std::ranges::none_of(chain.links, [&](const auto& link) { return handles(reader, link); });
}

bool went_on_after_cancel(const AsyncioReader& reader, const FutureFields& task, const AwaitChain& chain) {
  const auto requests = task.in_python ? in_python(reader, task.object) : in_c(reader, task.object);
  return requests && requests->asked && !requests->undelivered && handles_nothing(reader, chain);
}

std::vector<std::uint64_t> tasks_to_cancel(AsyncioReader& reader, const std::vector<PythonFrame>& stack) {
  for (const PythonFrame& frame : stack) {
    const auto function = bare(frame.function);
    const bool asyncio = function == "_cancel_all_tasks" && frame.file.ends_with("asyncio/runners.py");
    const bool aiohttp = function == "_cancel_tasks" && frame.file.ends_with("aiohttp/web.py");
    if (!asyncio && !aiohttp) continue;
    const std::uint64_t tasks = reader.variable(as_coroutine(frame), "to_cancel");
    const auto items = reader.type_name(tasks) == "list" ? list_items(reader.objects(), tasks, kMaxCancelled)
                                                         : set_items(reader.objects(), tasks, kMaxCancelled);
    return items.value_or(std::vector<std::uint64_t>{});
  }
  return {};
}

}  // namespace aiotrace::python
