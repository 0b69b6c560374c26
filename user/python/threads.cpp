#include "python/threads.h"

#include <optional>
#include <set>
#include <unordered_map>

#include "machine/machine.h"
#include "python/objects.h"

namespace aiotrace::python {
namespace {

constexpr unsigned kMaxInterpreters = 256;
constexpr std::size_t kMaxThreads = 8192;
constexpr std::size_t kMaxName = 256;

using Tids = std::map<pid_t, pid_t>;

/// The thread of a state, by its id in /proc's pid namespace.
std::optional<std::pair<pid_t, PythonThread>> thread_at(const Interpreter& interpreter, const proc::Memory& memory,
                                                        const Tids& ids, std::uint64_t tstate) {
  const auto id = memory.pointer(tstate + interpreter.layout.bpf.ts_thread_id);
  if (!id) return std::nullopt;
  std::optional<std::uint64_t> tid;
  if (interpreter.layout.user.ts_native_thread_id != kNoOffset) {
    tid = memory.read<std::uint64_t>(tstate + interpreter.layout.user.ts_native_thread_id);
  } else {
    tid = memory.read<std::uint32_t>(*id + machine::here().pthread_tid);
  }
  const auto known = tid && *tid <= INT32_MAX ? ids.find(static_cast<pid_t>(*tid)) : ids.end();
  if (known == ids.end()) return std::nullopt;
  return std::pair(known->second, PythonThread{.tstate = tstate, .thread_id = *id});
}

/// The names in one interpreter's module threading, by ident.
void add_names(std::unordered_map<std::uint64_t, std::string>& by_ident, const Interpreter& interpreter,
               const proc::Memory& memory, std::uint64_t state) {
  const Objects objects(memory, interpreter.layout);
  const auto modules = memory.pointer(state + interpreter.layout.user.interp_modules);
  const auto threading = modules ? objects.find(*modules, "threading") : std::nullopt;
  const auto dict = threading ? objects.module_dict(*threading) : std::nullopt;
  const auto active = dict ? objects.find(*dict, "_active") : std::nullopt;
  const auto entries = active ? objects.entries(*active) : std::nullopt;
  if (!entries) return;
  for (const Objects::Entry& entry : *entries) {
    if (by_ident.size() >= kMaxThreads) break;
    const auto ident = objects.unsigned_int(entry.key);
    const auto name = ident ? objects.attribute(entry.value, "_name") : std::nullopt;
    const auto text = name ? objects.text(*name, kMaxName) : std::nullopt;
    // The main interpreter comes last, because it knows the names of threads that run other interpreters.
    if (text) by_ident.insert_or_assign(*ident, *text);
  }
}

}  // namespace

std::map<pid_t, PythonThread> python_threads(const Interpreter& interpreter, const proc::Process& process,
                                             const proc::Memory& memory) {
  const py_layout& bpf = interpreter.layout.bpf;
  const auto ids = process.tids_by_ns_tid();
  std::map<pid_t, PythonThread> found;
  std::size_t walked = 0;
  for (const auto state : interpreter_states(interpreter, memory)) {
    auto thread = memory.read<std::uint64_t>(state + bpf.interp_threads_head);
    std::set<std::uint64_t> seen;  // a thread that ends during the walk can turn the list into a ring
    while (thread && *thread != 0 && walked++ < kMaxThreads && seen.insert(*thread).second) {
      if (auto known = thread_at(interpreter, memory, ids, *thread)) found.insert(std::move(*known));
      thread = memory.read<std::uint64_t>(*thread + bpf.ts_next);
    }
  }
  return found;
}

std::vector<std::uint64_t> interpreter_states(const Interpreter& interpreter, const proc::Memory& memory) {
  std::vector<std::uint64_t> states;
  auto state = memory.read<std::uint64_t>(interpreter.interpreters_head);
  while (state && *state != 0 && states.size() < kMaxInterpreters) {
    states.push_back(*state);
    state = memory.read<std::uint64_t>(*state + interpreter.layout.bpf.interp_next);
  }
  return states;
}

std::optional<pid_t> thread_of_state(const Interpreter& interpreter, const proc::Process& process,
                                     const proc::Memory& memory, std::uint64_t tstate) {
  const auto thread = thread_at(interpreter, memory, process.tids_by_ns_tid(), tstate);
  return thread ? std::optional(thread->first) : std::nullopt;
}

bool keeps_tid_in_pthread(const Interpreter& interpreter, const proc::Process& process, const proc::Memory& memory) {
  for (const auto& [tid, thread] : python_threads(interpreter, process, memory)) {
    const auto kept = memory.read<std::uint32_t>(thread.thread_id + machine::here().pthread_tid);
    if (kept && process.ns_tid(tid) == static_cast<pid_t>(*kept)) return true;
  }
  return false;
}

std::map<pid_t, std::string> thread_names(const Interpreter& interpreter, const proc::Process& process,
                                          const proc::Memory& memory) {
  std::map<pid_t, std::string> names;
  std::unordered_map<std::uint64_t, std::string> by_ident;
  for (const auto state : interpreter_states(interpreter, memory)) add_names(by_ident, interpreter, memory, state);
  for (const auto& [tid, thread] : python_threads(interpreter, process, memory)) {
    if (const auto name = by_ident.find(thread.thread_id); name != by_ident.end()) names.emplace(tid, name->second);
  }
  return names;
}

}  // namespace aiotrace::python
