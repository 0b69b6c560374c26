#include "app/seeding.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <string>

#include "app/present_wait.h"
#include "app/python_stack.h"
#include "machine/machine.h"
#include "proc/syscalls.h"
#include "proc/thread_syscall.h"
#include "python/frames.h"
#include "python/poll_return.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {

namespace {

using model::Cause;

Cause cause_of_descriptor(const Target& target, std::uint64_t fd) {
  struct stat info{};
  const auto path = "/proc/" + std::to_string(target.pid()) + "/fd/" + std::to_string(static_cast<std::int32_t>(fd));
  if (stat(path.c_str(), &info) != 0) return Cause::other;
  switch (info.st_mode & S_IFMT) {
    case S_IFSOCK: return Cause::network;
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
    case S_IFCHR: return Cause::file;
    case S_IFIFO: return target.is_named_pipe(static_cast<std::int32_t>(fd)) ? Cause::file : Cause::process;
    default: return Cause::other;
  }
}

// Reported as BPF would have done it: the first iteration of a seeded thread has the number 0.
void add_task(Target& target, std::uint64_t tstate, const std::vector<python::PythonFrame>& stack, Seeded& seeded) {
  const auto* root = python::root_coroutine(stack);
  if (root == nullptr) return;
  const model::EventHead head{.pid = seeded.seed.pid, .tid = seeded.seed.tid, .time_ns = 0};
  auto name = python::running_task_name(*target.interpreter(), target.memory(), tstate, root->coroutine_at);
  model::CodeSeen code;
  code.head = head;
  code.code_id = root->code;
  code.function = root->function;
  code.file = root->file;
  code.first_line = root->first_line;
  model::TaskSeen task;
  task.head = head;
  task.coroutine = root->coroutine_at;
  task.code_id = root->code;
  task.name_known = name.has_value();
  task.name = std::move(name).value_or("");
  task.qualname = root->function;
  seeded.code = std::move(code);
  seeded.task = std::move(task);
}

// Only these two of its registers are known. This is sufficient for functions without a frame pointer.
model::NativeSeen native_of(const Target& target, std::uint32_t tid, const proc::ThreadSyscall& call) {
  const auto page_bytes = machine::here().page_bytes;
  model::NativeSeen seen;
  seen.head = {.pid = target.pid(), .tid = tid, .time_ns = 0};
  seen.registers[0] = call.instruction;
  seen.registers[1] = call.stack_pointer;
  std::vector<std::byte> page;
  for (auto at = call.stack_pointer; at != 0 && seen.stack.size() < model::NativeSeen::kMostBytes; at += page.size()) {
    page.resize(page_bytes - at % page_bytes);
    if (!target.memory().read(at, page)) break;
    seen.stack.insert(seen.stack.end(), page.begin(), page.end());
  }
  return seen;
}

// On the loop's own clock; 0: unknown.
std::uint64_t began_ns(const Target& target, const std::vector<python::PythonFrame>& stack) {
  const auto& process = target.process();
  if (!process.shares_clock()) return 0;
  const auto now_ns = monotonic_ns();
  const auto returned = python::poll_returned_ns(*target.interpreter(), target.memory(), stack, now_ns);
  // A loop with a clock of its own can return any value, but no iteration is older than its process.
  return returned && now_ns - *returned <= process.age_ns() ? *returned : 0;
}

// BPF measures this in later iterations; this value is for stalls that are reported before.
model::LoopKind kind_of(const Target& target, const std::vector<python::PythonFrame>& stack) {
  const auto* interpreter = target.interpreter();
  if (interpreter == nullptr || !interpreter->asyncio_loaded) return model::LoopKind::other;
  const bool asyncio = stack.empty() ? !interpreter->uvloop : python::runs_loop(stack);
  return target.loop_kind(asyncio ? model::LoopSource::asyncio : model::LoopSource::python);
}

std::optional<Seeded> seed_of(Target& target, std::uint32_t tid, std::optional<std::uint64_t> tstate) {
  Seeded seeded{.seed = {.pid = target.pid(),
                         .tid = tid,
                         .epfd = -1,
                         .selects = false,
                         .python = tstate.has_value(),
                         .began_ns = monotonic_ns(),
                         .waiting = {}},
                .kind = model::LoopKind::other,
                .stack = {},
                .task = {},
                .code = {},
                .start_known = false,
                .culprit = {},
                .native = {}};
  const auto call = proc::current_syscall(target.process().pid(), static_cast<pid_t>(tid));
  const auto epfd = call ? proc::polled_epoll(*call) : std::nullopt;
  std::vector<python::PythonFrame> stack;
  if (tstate) {
    stack = python::read_stack(*target.interpreter(), target.memory(), *tstate);
    seeded.kind = kind_of(target, stack);
  }
  // A poll inside a callback is not the loop's own.
  if (epfd && !python::in_callback(stack)) {
    seeded.seed.epfd = *epfd;
    return seeded;
  }
  if (!tstate) return std::nullopt;
  if (!python::runs_loop(stack)) return std::nullopt;
  if (!python::in_callback(stack)) {
    // The thread is in its loop's own code: in its poll, or woken from it and not yet back. Its next poll is the first
    // known event.
    if (!call || !proc::selects(*call)) return std::nullopt;
    seeded.seed.selects = true;
    return seeded;
  }
  if (const auto began = began_ns(target, stack); began != 0) {
    seeded.seed.began_ns = began;
    seeded.start_known = true;
  }
  if (!call) return seeded;  // it runs; samples will show what it does
  add_task(target, *tstate, stack, seeded);
  const auto cause = cause_of_call(target, call->number, call->arguments);
  seeded.stack = to_stack(stack);
  seeded.native = native_of(target, tid, *call);
  seeded.seed.waiting = probe::ThreadSeed::Waiting{
      .cause = cause, .syscall = call->number, .args = call->arguments, .stack_id = seed_stack_id(stack)};
  model::ThreadNow::SwitchOut present;
  present.cause = cause;
  present.syscall = call->number;
  present.args = call->arguments;
  seeded.culprit = present_culprit(target, tid, present);
  return seeded;
}

}  // namespace

Cause cause_of_call(const Target& target, std::int32_t syscall, const std::array<std::uint64_t, 4>& arguments) {
  if (syscall < 0) return Cause::fault;
  const auto all = proc::syscalls();
  const auto found = std::ranges::find(all, syscall, &proc::Syscall::number);
  if (found == all.end()) return Cause::other;
  switch (found->wait_class) {
    case proc::SyscallClass::sleep: return Cause::sleep;
    case proc::SyscallClass::file: return Cause::file;
    case proc::SyscallClass::network: return Cause::network;
    case proc::SyscallClass::process: return Cause::process;
    case proc::SyscallClass::futex: return target.is_gil(arguments[0]) ? Cause::gil : Cause::lock;
    case proc::SyscallClass::fd: return cause_of_descriptor(target, arguments[0]);
    case proc::SyscallClass::poll: {
      // poll and ppoll have the count after the array, select and pselect6 before the sets.
      const auto count = found->name.ends_with("poll") ? arguments[1] : arguments[0];
      const bool epoll = found->name.starts_with("epoll");
      return count == 0 && !epoll ? Cause::sleep : Cause::network;
    }
    case proc::SyscallClass::other: break;
  }
  return Cause::other;
}

bool has_moved_on(Target& target, const probe::ThreadSeed& seed, bool start_known) {
  const auto* interpreter = target.interpreter();
  if (seed.idle() || interpreter == nullptr) return false;
  const auto python = python::python_threads(*interpreter, target.process(), target.memory());
  const auto thread = python.find(static_cast<pid_t>(seed.tid));
  if (thread == python.end()) return true;
  const auto now = seed_of(target, seed.tid, thread->second.tstate);
  return !now || now->seed.idle() || (start_known && now->seed.began_ns != seed.began_ns);
}

std::vector<Seeded> threads_to_seed(Target& target) {
  std::vector<Seeded> seeds;
  const auto* interpreter = target.interpreter();
  std::map<pid_t, python::PythonThread> python;
  if (interpreter != nullptr && interpreter->initialized)
    python = python::python_threads(*interpreter, target.process(), target.memory());
  for (const auto tid : target.process().threads()) {
    const auto thread = python.find(tid);
    auto seeded = seed_of(target, static_cast<std::uint32_t>(tid),
                          thread == python.end() ? std::nullopt : std::optional(thread->second.tstate));
    if (seeded) seeds.push_back(std::move(*seeded));
  }
  return seeds;
}

}  // namespace aiotrace::app
