#include "python/library_files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "python/known_functions.h"
#include "python/objects.h"
#include "python/text.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMaxPath = 4096;
constexpr std::uint32_t kPython310 = 0x030a0000;
constexpr std::string_view kFrozen = "<frozen ";

using Modules = std::map<std::string, std::uint64_t, std::less<>>;

/// "asyncio/events.py" of "asyncio.events".
std::string path_of(std::string_view module) {
  std::string path(module);
  std::ranges::replace(path, '.', '/');
  return path + ".py";
}

/// The part of `file` before `path`; nothing if the file does not end in `path`.
std::optional<std::string> folder_before(std::string_view file, std::string_view path) {
  if (!file.ends_with(path)) return std::nullopt;
  const std::string_view folder = file.substr(0, file.size() - path.size());
  if (!folder.empty() && !folder.ends_with('/')) return std::nullopt;
  return std::string(folder);
}

class Finder {
 public:
  Finder(const proc::Memory& memory, const Layout& layout) : layout_(layout), objects_(memory, layout) {}

  /// Those of `wanted` that are imported, in one walk over sys.modules.
  Modules find_modules(std::uint64_t modules, const std::set<std::string, std::less<>>& wanted) const {
    std::size_t longest = 0;
    for (const auto& name : wanted) longest = std::max(longest, name.size());
    Modules found;
    for (const auto& [key, module] : objects_.entries(modules).value_or(std::vector<Objects::Entry>{})) {
      const auto name = objects_.text(key, longest + 1);
      if (name && wanted.contains(*name)) found.emplace(*name, module);
    }
    return found;
  }

  /// The file from which a module's own functions were compiled. Functions that another module has put there (a monkey
  /// patch) have other globals.
  std::optional<std::string> source_of(std::uint64_t module) const {
    constexpr std::size_t kMaxLooked = 4096;
    const auto names = objects_.module_dict(module);
    const auto entries = names ? objects_.entries(*names, kMaxLooked) : std::nullopt;
    if (!entries) return std::nullopt;
    for (const auto& entry : *entries) {
      const auto type = objects_.type_of(entry.value);
      if (!type || objects_.type_name(*type) != "function") continue;
      if (objects_.memory().pointer(entry.value + globals_offset()) != *names) continue;
      const auto code = objects_.memory().pointer(entry.value + layout_.user.function_code);
      const auto file = code ? objects_.memory().pointer(*code + layout_.bpf.code_filename) : std::nullopt;
      if (auto text = objects_.text(file.value_or(0), kMaxPath)) return text;
    }
    return std::nullopt;
  }

  /// The module's attribute __file__.
  std::optional<std::string> file_of(std::uint64_t module) const {
    const auto names = objects_.module_dict(module);
    const auto file = names ? objects_.find(*names, "__file__") : std::nullopt;
    auto text = file ? objects_.text(*file, kMaxPath) : std::nullopt;
    if (text && text->ends_with(".pyc")) text->pop_back();
    return text;
  }

 private:
  // PyFunctionObject (Include/cpython/funcobject.h): func_globals is the first field since 3.10, the second before.
  [[nodiscard]] std::uint32_t globals_offset() const {
    return layout_.bpf.version < kPython310 ? layout_.user.function_code + 8 : layout_.bpf.obj_type + 8;
  }

  const Layout& layout_;
  Objects objects_;
};

std::set<std::string, std::less<>> known_packages() {
  std::set<std::string, std::less<>> packages;
  for (const auto& row : known_functions()) {
    if (const auto package = package_of(row.file); package != "asyncio") packages.emplace(package);
  }
  return packages;
}

}  // namespace

LibraryFiles LibraryFiles::find(const proc::Memory& memory, const Layout& layout, std::uint64_t modules) {
  // Since 3.11 `os` is a frozen module: its code has no folder, but `__file__` has one. The other modules are never
  // frozen.
  static constexpr std::array<std::string_view, 3> kStandard = {"os", "selectors", "asyncio.events"};
  const auto packages = known_packages();
  auto wanted = packages;
  for (const std::string_view name : kStandard) wanted.emplace(name);
  const Finder finder(memory, layout);
  const Modules imported = finder.find_modules(modules, wanted);
  LibraryFiles found;
  for (const std::string_view name : kStandard) {
    const auto module = imported.find(name);
    if (module == imported.end()) continue;
    auto file = finder.source_of(module->second);
    if (file && file->starts_with(kFrozen)) file = finder.file_of(module->second);
    auto folder = file ? folder_before(*file, path_of(name)) : std::nullopt;
    if (folder && std::ranges::find(found.standard_, *folder) == found.standard_.end())
      found.standard_.push_back(std::move(*folder));
  }
  for (const auto& package : packages) {
    const auto module = imported.find(package);
    const auto file = module != imported.end() ? finder.file_of(module->second) : std::nullopt;
    if (!file) continue;
    auto folder = folder_before(*file, package + "/__init__.py");
    if (!folder) folder = folder_before(*file, package + ".py");
    if (folder) found.packages_.emplace(package, std::move(*folder));
  }
  return found;
}

std::string LibraryFiles::inside(std::string_view file) const {
  if (file.starts_with(kFrozen) && file.ends_with('>'))
    return path_of(file.substr(kFrozen.size(), file.size() - kFrozen.size() - 1));
  for (const std::string& folder : standard_) {
    if (!file.starts_with(folder)) continue;
    const std::string_view rest = file.substr(folder.size());
    if (!rest.starts_with('/') && !rest.starts_with("site-packages/") && !rest.starts_with("dist-packages/"))
      return std::string(rest);
  }
  for (const auto& [package, folder] : packages_) {
    if (!file.starts_with(folder)) continue;
    const std::string_view rest = file.substr(folder.size());
    if (package_of(rest) == package) return std::string(rest);
  }
  return {};
}

}  // namespace aiotrace::python
