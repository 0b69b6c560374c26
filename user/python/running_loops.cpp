#include "python/running_loops.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "python/futures.h"
#include "python/task_list.h"
#include "python/threads.h"

namespace aiotrace::python {

bool RunningLoop::polls_as_known() const {
  // Lib/selectors.py; its other selectors (devpoll, kqueue) are for other systems.
  constexpr std::array<std::string_view, 3> kSelectors = {"EpollSelector", "PollSelector", "SelectSelector"};
  return kind == EventLoopKind::uvloop || std::ranges::find(kSelectors, selector) != kSelectors.end();
}

std::vector<RunningLoop> running_loops(const Interpreter& interpreter, const proc::Process& process,
                                       const proc::Memory& memory) {
  const FutureReader futures(interpreter, memory);
  if (futures.tasks_module() == 0) return {};
  const Objects& objects = futures.objects();
  std::vector<RunningLoop> found;
  for (const auto& [loop, tid] :
       find_running(interpreter, futures, python_threads(interpreter, process, memory)).loops) {
    RunningLoop one{.tid = tid, .object = loop, .kind = read_loop(objects, loop).kind, .selector = {}};
    const auto selector = objects.attribute(loop, "_selector");
    const auto type = selector ? objects.type_of(*selector) : std::nullopt;
    if (type) one.selector = objects.type_name(*type).value_or("");
    found.push_back(std::move(one));
  }
  std::ranges::sort(found, {}, &RunningLoop::tid);
  return found;
}

}  // namespace aiotrace::python
