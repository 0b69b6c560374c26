#include "python/code_names.h"

#include <unordered_set>

#include "python/containers.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxTexts = 500'000;
constexpr std::size_t kMaxNames = 1024;
constexpr std::size_t kMaxModules = 20'000;
constexpr std::size_t kMaxVariables = 65'536;  // of a module or a class; one that has more is data
constexpr std::size_t kMaxCodes = 100'000;
constexpr std::size_t kMaxValues = 2'000'000;
constexpr unsigned kMaxDepth = 4;

std::vector<Objects::Entry> modules_of(const AsyncioReader& reader) {
  const auto& interpreter = reader.interpreter();
  const auto modules = reader.memory().pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto all = modules ? reader.objects().entries(*modules, kMaxModules) : std::nullopt;
  return all.value_or(std::vector<Objects::Entry>{});
}

std::vector<Objects::Entry> variables_of(const AsyncioReader& reader, std::uint64_t module) {
  const auto names = reader.objects().module_dict(module);
  const auto variables = names ? reader.objects().entries(*names, kMaxVariables) : std::nullopt;
  return variables.value_or(std::vector<Objects::Entry>{});
}

}  // namespace

struct CodeNames::Walk {
  const std::function<void(std::uint64_t)>& take;
  std::unordered_set<std::uint64_t> seen{};  // codes and classes
  std::size_t values = 0;
  [[nodiscard]] bool full() const { return seen.size() > kMaxCodes || values > kMaxValues; }
};

// Include/cpython/code.h: co_code, co_consts, co_names to 3.10; co_consts, co_names, co_exceptiontable, co_flags since.
std::uint64_t CodeNames::field_of_code(int words_from_names, std::uint64_t code) const {
  const auto& [bpf, user] = reader_.interpreter().layout;
  const std::uint64_t names = bpf.version < kPython311 ? std::uint64_t{user.code_code} + 16 : bpf.code_flags - 16;
  const std::uint64_t at = code + names + static_cast<std::uint64_t>(std::int64_t{8} * words_from_names);
  return reader_.memory().read<std::uint64_t>(at).value_or(0);
}

std::vector<std::uint64_t> CodeNames::names(std::uint64_t code) const {
  const std::uint64_t tuple = field_of_code(0, code);
  const auto items = tuple != 0 ? tuple_items(reader_.objects(), tuple, kMaxNames) : std::nullopt;
  return items.value_or(std::vector<std::uint64_t>{});
}

const std::string& CodeNames::text(std::uint64_t name) {
  if (const auto known = texts_.find(name); known != texts_.end()) return known->second;
  if (texts_.size() >= kMaxTexts) texts_.clear();
  return texts_.emplace(name, reader_.objects().text(name, kMaxName).value_or("")).first->second;
}

bool CodeNames::is_own(std::uint64_t code) const {
  const auto info = reader_.codes().find(code);
  return info && !info->file.starts_with("<frozen ") && reader_.interpreter().libraries.inside(info->file).empty();
}

bool CodeNames::is_standard(std::uint64_t module) const {
  const auto names = reader_.objects().module_dict(module);
  const auto file = names ? reader_.objects().find(*names, "__file__", kMaxVariables) : std::nullopt;
  const auto path = file ? reader_.objects().text(*file) : std::nullopt;
  return path && !reader_.interpreter().libraries.inside(*path).empty();
}

void CodeNames::add_code(std::uint64_t code, Walk& walk, unsigned depth) {
  if (depth > kMaxDepth || walk.full() || !walk.seen.insert(code).second) return;
  if (depth == 0 && !is_own(code)) return;
  walk.take(code);
  const std::uint64_t constants = field_of_code(-1, code);
  const auto items = constants != 0 ? tuple_items(reader_.objects(), constants, kMaxVariables) : std::nullopt;
  for (const std::uint64_t item : items.value_or(std::vector<std::uint64_t>{})) {
    if (reader_.type_name(item) == "code") add_code(item, walk, depth + 1);
  }
}

void CodeNames::add_value(std::uint64_t value, Walk& walk, unsigned depth) {
  if (value == 0 || depth > kMaxDepth || walk.full()) return;
  ++walk.values;
  const auto& user = reader_.interpreter().layout.user;
  const std::string& type = reader_.type_name(value);
  if (type == "function") {
    if (const auto code = reader_.memory().pointer(value + user.function_code)) add_code(*code, walk, 0);
    const auto closure = reader_.memory().pointer(value + user.function_closure);
    const auto cells = closure ? tuple_items(reader_.objects(), *closure, 64) : std::nullopt;
    for (const std::uint64_t cell : cells.value_or(std::vector<std::uint64_t>{})) {
      const auto content = reader_.memory().read<std::uint64_t>(cell + user.cell_value).value_or(0);
      if (content != 0 && reader_.type_name(content) == "function" && walk.seen.insert(content).second)
        add_value(content, walk, depth + 1);
    }
  } else if (type == "staticmethod" || type == "classmethod" || type == "property") {
    // Their first field is the function; a property's next ones are its setter and deleter.
    const std::uint64_t head = value + reader_.interpreter().layout.bpf.obj_type + 8;
    for (unsigned i = 0; i < (type == "property" ? 3u : 1u); ++i)
      add_value(reader_.memory().read<std::uint64_t>(head + std::uint64_t{8} * i).value_or(0), walk, depth + 1);
  }
}

bool CodeNames::own_functions(const std::function<void(std::uint64_t code)>& take) {
  Walk walk{.take = take};
  constexpr std::uint64_t kTypeSubclass = std::uint64_t{1} << 31;  // Include/object.h
  constexpr std::uint64_t kHeapType = std::uint64_t{1} << 9;
  const auto& user = reader_.interpreter().layout.user;
  const auto flags = [&](std::uint64_t type) {
    return reader_.memory().read<std::uint64_t>(type + user.type_flags).value_or(0);
  };
  const auto is_class = [&](std::uint64_t value) {
    const auto type = value != 0 ? reader_.objects().type_of(value) : std::nullopt;
    return type && (flags(*type) & kTypeSubclass) != 0 && (flags(value) & kHeapType) != 0;
  };
  for (const auto& module : modules_of(reader_)) {
    if (is_standard(module.value)) continue;
    for (const auto& variable : variables_of(reader_, module.value)) {
      add_value(variable.value, walk, 0);
      if (!is_class(variable.value) || !walk.seen.insert(variable.value).second) continue;
      const auto dict = reader_.memory().pointer(variable.value + user.type_dict);
      const auto members = dict ? reader_.objects().entries(*dict, kMaxVariables) : std::nullopt;
      for (const auto& member : members.value_or(std::vector<Objects::Entry>{})) add_value(member.value, walk, 0);
      if (walk.full()) return false;
    }
    if (walk.full()) return false;
  }
  return true;
}

std::vector<std::string> CodeNames::variables_of_modules(std::uint64_t object) const {
  std::vector<std::string> found;
  for (const auto& module : modules_of(reader_)) {
    for (const auto& variable : variables_of(reader_, module.value)) {
      if (variable.value == object) found.push_back(reader_.objects().text(variable.key, kMaxName).value_or(""));
    }
  }
  return found;
}

}  // namespace aiotrace::python
