#include "python/resource_names.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "python/objects.h"

namespace aiotrace::python {
namespace {

using Names = std::unordered_map<std::uint64_t, std::string>;

constexpr std::size_t kMaxModules = 20'000;
constexpr std::size_t kMaxVariables = 2'000'000;
constexpr std::size_t kMaxOfModule = 65'536;  // a module with more names holds data
constexpr std::size_t kMaxInstances = 20'000;
constexpr std::size_t kMaxFrames = 64;  // of one object
constexpr std::size_t kMaxName = 256;

class Naming {
 public:
  Naming(AsyncioReader& reader, const std::vector<Nameless>& wanted) : reader_(reader), objects_(reader.objects()) {
    for (const Nameless& each : wanted) left_.emplace(each.object, &each);
  }

  Names run() {
    by_modules();
    for (const auto& [object, nameless] : left_) {
      if (names_.contains(object)) continue;
      if (const auto name = by_frames(*nameless)) names_.emplace(object, *name);
    }
    return std::move(names_);
  }

 private:
  [[nodiscard]] std::string text(std::uint64_t object) const { return objects_.text(object, kMaxName).value_or(""); }

  void by_modules() {
    const auto modules = reader_.memory().pointer(reader_.interpreter().main_interpreter +
                                                  reader_.interpreter().layout.user.interp_modules);
    const auto all = modules ? objects_.entries(*modules, kMaxModules) : std::nullopt;
    if (!all) return;
    std::unordered_set<std::uint64_t> read;
    std::size_t seen = 0;
    for (const auto& module : *all) {
      // Several names can refer to one module, and a module can claim the dict of another one.
      const auto names = objects_.module_dict(module.value);
      if (!names || !read.insert(*names).second) continue;
      const auto variables = objects_.entries(*names, kMaxOfModule);
      if (!variables) continue;
      seen += variables->size();
      if (seen > kMaxVariables) return;
      for (const auto& variable : *variables) {
        if (left_.contains(variable.value) && !names_.contains(variable.value))
          names_.emplace(variable.value, text(module.key) + "." + text(variable.key));
      }
    }
  }

  // The variable itself, else an attribute of an object in a variable; innermost frames first.
  [[nodiscard]] std::optional<std::string> by_frames(const Nameless& nameless) {
    std::optional<std::string> plain;
    std::size_t looked = 0;
    for (const LookFrame& frame : nameless.frames) {
      if (++looked > kMaxFrames || instances_ > kMaxInstances) break;
      const auto code = reader_.codes().find(frame.code);
      const auto of = reader_.coroutines().read(frame.object);
      if (!code || !of) continue;
      for (std::size_t i = 0; i < code->locals.size(); ++i) {
        const std::uint64_t value = reader_.coroutines().local(*of, i);
        if (value == 0) continue;
        if (value == nameless.object) {
          if (code->locals[i] != "self" && !plain) plain = code->locals[i];
        } else if (auto name = by_attribute(value, nameless.object)) {
          return name;
        }
      }
    }
    return plain;
  }

  [[nodiscard]] std::optional<std::string> by_attribute(std::uint64_t owner, std::uint64_t object) {
    const std::string& type = reader_.type_name(owner);
    if (type.empty() || type == "module" || ++instances_ > kMaxInstances) return std::nullopt;
    const auto attributes = objects_.attributes(owner);
    if (!attributes) return std::nullopt;
    const auto found = std::ranges::find(*attributes, object, &Objects::Entry::value);
    return found == attributes->end() ? std::nullopt : std::optional(type + "." + text(found->key));
  }

  AsyncioReader& reader_;
  const Objects& objects_;
  std::unordered_map<std::uint64_t, const Nameless*> left_;
  std::size_t instances_ = 0;
  Names names_;
};

}  // namespace

Names name_resources(AsyncioReader& reader, const std::vector<Nameless>& wanted) {
  return wanted.empty() ? Names{} : Naming(reader, wanted).run();
}

}  // namespace aiotrace::python
