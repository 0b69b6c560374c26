#include "python/loop_queues.h"

#include <string_view>

#include "python/containers.h"
#include "python/futures.h"
#include "python/loops.h"
#include "python/task_list.h"
#include "python/threads.h"

namespace aiotrace::python {
namespace {

// 0: not found.
std::uint64_t class_in(const Interpreter& interpreter, const Objects& objects, std::string_view of,
                       std::string_view name) {
  const auto modules = objects.memory().pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto module = modules ? objects.find(*modules, of) : std::nullopt;
  const auto names = module ? objects.module_dict(*module) : std::nullopt;
  return names ? objects.find(*names, name).value_or(0) : 0;
}

// BaseEventLoop.__init__() sets these to None, and few programs change them.
std::uint64_t none_of(const Objects& objects, std::uint64_t loop) {
  for (const auto* name : {"_exception_handler", "_task_factory", "_default_executor", "_debug"}) {
    const auto value = objects.attribute(loop, name);
    const auto type = value ? objects.type_of(*value) : std::nullopt;
    if (type && objects.type_name(*type) == "NoneType") return *value;
  }
  return 0;
}

void add_timers(const Interpreter& interpreter, const Objects& objects, std::uint64_t loop, std::uint64_t timer,
                loop_queue& queue) {
  const std::uint64_t timers = objects.attribute(loop, "_scheduled").value_or(0);
  const std::uint64_t type = timers != 0 ? objects.type_of(timers).value_or(0) : 0;
  if (type == 0 || timer == 0 || objects.type_name(type) != "list") return;
  const std::uint32_t when = slot_offset(objects, timer, "_when").value_or(0);
  const std::uint32_t callback = slot_offset(objects, timer, "_callback").value_or(0);
  queue.none = none_of(objects, loop);
  queue.float_type = class_in(interpreter, objects, "builtins", "float");
  queue.int_type = class_in(interpreter, objects, "builtins", "int");
  if (when == 0 || callback == 0 || queue.none == 0 || queue.float_type == 0 || queue.int_type == 0) return;
  queue.timers = timers;
  queue.timers_type = type;
  queue.when_at = when;
  queue.callback_at = callback;
  queue.float_at = objects.layout().user.float_value;
  queue.int_at = objects.layout().user.long_tag;
  // Include/cpython/longintrepr.h: lv_tag has the number of digits above three bits for sign and more (3.12).
  constexpr std::uint32_t kPython312 = 0x030c0000;
  queue.one_digit = interpreter.version_hex >= kPython312 ? 1u << 3 : 1;
}

}  // namespace

LoopQueues loop_queues(const Interpreter& interpreter, const proc::Process& process, const proc::Memory& memory) {
  LoopQueues queues;
  const FutureReader futures(interpreter, memory);
  if (futures.tasks_module() == 0) return queues;
  const Objects& objects = futures.objects();
  const std::uint64_t timer = class_in(interpreter, objects, "asyncio.events", "TimerHandle");
  const auto running = find_running(interpreter, futures, python_threads(interpreter, process, memory));
  for (const auto& [loop, tid] : running.loops) {
    const LoopFields fields = read_loop(objects, loop);
    loop_queue queue{};
    queue.type_at = objects.layout().bpf.obj_type;
    queue.ready = fields.ready_deque;
    queue.ready_type = fields.ready_deque != 0 ? objects.type_of(fields.ready_deque).value_or(0) : 0;
    if (fields.kind == EventLoopKind::asyncio) add_timers(interpreter, objects, loop, timer, queue);
    queues.emplace(tid, queue);
  }
  return queues;
}

std::optional<std::uint64_t> ready_callbacks(const LoopQueues& queues, pid_t tid, const proc::Memory& memory) {
  const auto queue = queues.find(tid);
  if (queue == queues.end() || queue->second.ready == 0) return std::nullopt;
  struct Head {
    std::uint64_t type;
    std::uint64_t length;
  };
  const auto head = memory.read<Head>(queue->second.ready + queue->second.type_at);
  if (!head || head->type != queue->second.ready_type || head->length > LOOP_QUEUE_MAX) return std::nullopt;
  return head->length;
}

}  // namespace aiotrace::python
