#include "python/other_loops.h"

#include <algorithm>

#include "python/frames.h"
#include "python/futures.h"
#include "python/objects.h"
#include "python/task_list.h"
#include "python/threads.h"

namespace aiotrace::python {
namespace {

std::string version_of(const Interpreter& interpreter, const proc::Memory& memory, std::string_view package) {
  constexpr std::size_t kMostCharacters = 64;
  const Objects objects(memory, interpreter.layout);
  const auto modules = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto module = modules ? objects.find(*modules, package) : std::nullopt;
  const auto names = module ? objects.module_dict(*module) : std::nullopt;
  const auto version = names ? objects.find(*names, "__version__") : std::nullopt;
  const auto type = version ? objects.type_of(*version) : std::nullopt;
  if (!type || objects.type_name(*type) != "str") return {};
  auto text = objects.text(*version, kMostCharacters).value_or("");
  const bool plain = std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
           c == '-';
  });
  return plain ? text : std::string();
}

}  // namespace

std::vector<OtherLoop> find_other_loops(const Interpreter& interpreter, const proc::Process& process,
                                        const proc::Memory& memory) {
  std::vector<OtherLoop> found;
  for (const auto& [tid, thread] : python_threads(interpreter, process, memory)) {
    const auto stack = read_stack(interpreter, memory, thread.tstate);
    const auto loop = std::ranges::find_if(stack, [](const PythonFrame& frame) {
      return frame.known != nullptr && frame.known->role == CodeRole::other_loop;
    });
    if (loop == stack.end()) continue;
    const auto package = package_of(loop->known->file);
    found.push_back({.library = std::string(package), .version = version_of(interpreter, memory, package), .tid = tid});
  }
  return found;
}

std::optional<std::string> why_no_tasks(const Interpreter& interpreter, const proc::Process& process,
                                        const proc::Memory& memory) {
  const auto others = find_other_loops(interpreter, process, memory);
  if (others.empty()) return std::nullopt;
  const FutureReader futures(interpreter, memory);
  if (!find_running(interpreter, futures, python_threads(interpreter, process, memory)).loops.empty())
    return std::nullopt;
  const OtherLoop& first = others.front();
  return "this is " + first.library + (first.version.empty() ? "" : " " + first.version) + ": its tasks are not read";
}

}  // namespace aiotrace::python
