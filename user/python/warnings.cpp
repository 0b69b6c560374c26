#include "python/warnings.h"

#include <string_view>

#include "python/objects.h"

namespace aiotrace::python {

std::vector<Dropped> dropped_coroutines(const Interpreter& interpreter, const proc::Memory& memory) {
  constexpr std::size_t kMaxDropped = 10'000;
  constexpr std::string_view kBegin = "coroutine '";
  constexpr std::string_view kEnd = "' was never awaited";
  constexpr std::size_t kMaxText = 1024;
  std::vector<Dropped> found;
  const Objects objects(memory, interpreter.layout);
  const std::uint64_t items = interpreter.layout.user.tuple_items;
  const auto modules = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto all = modules ? objects.entries(*modules) : std::nullopt;
  if (!all) return found;
  for (const Objects::Entry& module : *all) {
    // Not every value of sys.modules is a module.
    const auto type = objects.type_of(module.value);
    if (!type || objects.type_name(*type) != "module") continue;
    const auto names = objects.module_dict(module.value);
    const auto registry = names ? objects.find(*names, "__warningregistry__") : std::nullopt;
    const auto entries = registry ? objects.entries(*registry) : std::nullopt;
    if (!entries) continue;
    std::string file;
    if (const auto path = objects.find(*names, "__file__")) file = objects.text(*path, kMaxText).value_or("");
    for (const Objects::Entry& entry : *entries) {
      if (found.size() >= kMaxDropped) return found;
      // (text, category, line); in addition "version" and (text, category) of warnings that are shown once for each
      // module.
      const auto key_type = objects.type_of(entry.key);
      if (!key_type || objects.type_name(*key_type) != "tuple") continue;
      const auto text = objects.text(memory.pointer(entry.key + items).value_or(0), kMaxText);
      if (!text || !text->starts_with(kBegin) || !text->ends_with(kEnd)) continue;
      if (text->size() < kBegin.size() + kEnd.size()) continue;
      const auto line = memory.read<std::int64_t>(entry.key + interpreter.layout.bpf.bytes_size) >= 3
                            ? objects.unsigned_int(memory.pointer(entry.key + items + 16).value_or(0))
                            : std::nullopt;
      found.push_back({.coroutine = text->substr(kBegin.size(), text->size() - kBegin.size() - kEnd.size()),
                       .file = file,
                       .line = static_cast<std::uint32_t>(line.value_or(0))});
    }
  }
  return found;
}

}  // namespace aiotrace::python
