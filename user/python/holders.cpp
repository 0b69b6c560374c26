#include "python/holders.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "python/containers.h"
#include "python/objects.h"
#include "python/references.h"

namespace aiotrace::python {
namespace {

using Kind = Holder::Kind;

constexpr unsigned kSteps = 4;
// Limit: objects that are followed backwards in one step.
constexpr std::size_t kMaxFrontier = 8192;
// Limit: an object begins at most this many bytes before a reference in it.
constexpr std::uint64_t kMaxObject = 2048;
constexpr std::size_t kMaxHeaders = 4;
constexpr std::size_t kMaxModules = 20'000;
constexpr unsigned kSharedNames = 30;  // SHARED_KEYS_MAX_SIZE, Include/internal/pycore_dict.h

// Include/object.h, 3.8 to 3.15.
constexpr std::uint64_t kHaveGc = std::uint64_t{1} << 14;
constexpr std::uint64_t kTypeSubclass = std::uint64_t{1} << 31;

/// An object whose references are followed backwards.
struct Followed {
  std::uint64_t held = 0;          // the object whose holder is searched
  std::uint64_t item = 0;          // the part of it, or its holder, that is in this object
  std::string container{};         // name of the container around the held object, this one included
  std::string container_before{};  // the same without this one
  bool values = false;             // not an object, but a place where an object's attributes may begin
};

class Search {
 public:
  Search(AsyncioReader& reader, ReferenceScan& scan)
      : reader_(reader),
        objects_(reader.objects()),
        memory_(reader.memory()),
        layout_(reader.interpreter().layout),
        modules_(memory_.pointer(reader.interpreter().main_interpreter + layout_.user.interp_modules).value_or(0)),
        scan_(scan),
        codes_(reader.codes()) {}

  std::unordered_map<std::uint64_t, Holder> run(const std::vector<proc::Range>& ranges,
                                                const std::vector<std::uint64_t>& held) {
    for (const std::uint64_t each : held) {
      if (frontier_.size() < kMaxHeld) frontier_[each].push_back({.held = each, .item = each});
    }
    name_modules();
    for (unsigned step = 0; step < kSteps && !frontier_.empty(); ++step) {
      std::unordered_set<std::uint64_t> wanted;
      for (const auto& [object, followed] : frontier_) wanted.insert(object);
      const auto references = scan_.find(ranges, wanted);
      const auto owners = scan_.owners(references);
      for (std::size_t i = 0; i < references.size(); ++i) {
        for (const Followed& each : frontier_.at(references[i].object))
          look(references[i], each, owners.equal_range(i));
      }
      frontier_ = std::exchange(next_, {});
      for (auto& [object, all] : frontier_) {
        std::erase_if(all, [this](const Followed& each) { return named(each.held); });
      }
      std::erase_if(frontier_, [](const auto& entry) { return entry.second.empty(); });
      followed_ = 0;
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool named(std::uint64_t held) const {
    const auto known = found_.find(held);
    return known != found_.end() && known->second.kind != Kind::unnamed && known->second.kind != Kind::object;
  }

  void name_modules() {
    const auto modules = objects_.entries(modules_, kMaxModules);
    if (!modules) return;
    for (const auto& [key, module] : *modules) {
      if (const auto names = objects_.module_dict(module)) module_of_.emplace(*names, key);
    }
  }

  void take(const Followed& followed, Holder holder) {
    if (named(followed.held)) return;
    const auto known = found_.find(followed.held);
    // An object without a name is less informative than the container that holds it.
    if (known != found_.end() && holder.kind == Kind::object) return;
    found_.insert_or_assign(followed.held, std::move(holder));
  }

  template <class Owners>
  void look(const Reference& reference, const Followed& followed, const Owners& owners) {
    if (named(followed.held)) return;
    if (followed.values) {
      // 3.11: a pointer of its own before the object; 3.12: in the word that otherwise has the dict.
      const auto& user = layout_.user;
      by_attributes(reference.at + (user.managed_values != kNoOffset ? user.managed_values : user.managed_dict),
                    followed, followed.item, followed.item);
      return;
    }
    bool known = false;
    for (auto each = owners.first; each != owners.second; ++each)
      known = by_container(each->second, reference.object, followed) || known;
    if (known) return;
    for (const std::uint64_t header : headers(reference.at)) {
      if (by_object(header, reference, followed)) return;
    }
    if (layout_.user.values_valid != kNoOffset || layout_.user.managed_dict == kNoOffset) return;
    // 3.11 and 3.12 keep an instance's attributes in a block of their own: so references to the beginning of the block
    // are searched
    const std::uint64_t odd = layout_.user.managed_values == kNoOffset ? 1 : 0;
    for (std::uint64_t i = 0; i < kSharedNames; ++i) {
      follow(reference.at - layout_.user.values_data - 8 * i - odd, {.held = followed.held,
                                                                     .item = reference.object,
                                                                     .container = followed.container,
                                                                     .container_before = followed.container_before,
                                                                     .values = true});
    }
  }

  void follow(std::uint64_t object, Followed followed) {
    auto& all = next_[object];
    const bool known = std::ranges::find(all, followed.held, &Followed::held) != all.end();
    if (!known && followed_++ < kMaxFrontier) all.push_back(std::move(followed));
  }

  void follow_container(std::uint64_t object, std::uint64_t item, const Followed& from, std::string_view kind) {
    Followed followed{.held = from.held, .item = item, .container = from.container, .container_before = from.container};
    if (from.container.empty() && kind != "cell") followed.container = kind;
    if (!found_.contains(from.held) && !followed.container.empty())
      found_.emplace(from.held, Holder{.container = followed.container});
    follow(object, std::move(followed));
  }

  static const Objects::Entry* with_value(const std::vector<Objects::Entry>& entries, std::uint64_t value) {
    const auto found = std::ranges::find(entries, value, &Objects::Entry::value);
    return found == entries.end() ? nullptr : &*found;
  }

  bool by_container(std::uint64_t object, std::uint64_t item, const Followed& followed) {
    const std::string& type = reader_.type_name(object);
    if (type == "dict") {
      const auto entries = objects_.entries(object);
      const auto* entry = entries ? with_value(*entries, item) : nullptr;
      if (entry == nullptr) return entries && std::ranges::find(*entries, item, &Objects::Entry::key) != entries->end();
      if (const auto module = module_of_.find(object); module != module_of_.end()) {
        take(followed, {.kind = Kind::variable,
                        .container = followed.container,
                        .name = objects_.text(entry->key, 256).value_or(""),
                        .owner = objects_.text(module->second, 256).value_or("")});
        return true;
      }
    } else {
      const auto items = type == "list" ? list_items(objects_, object) : set_items(objects_, object);
      if (!items || std::ranges::find(*items, item) == items->end()) return false;
    }
    follow_container(object, item, followed, type);
    return true;
  }

  /// Possible beginnings of the object that has this place as a field, nearest first.
  std::vector<std::uint64_t> headers(std::uint64_t place) {
    std::vector<std::uint64_t> found;
    for (std::uint64_t at = place & ~std::uint64_t{15}; place - at < kMaxObject && found.size() < kMaxHeaders;
         at -= 16) {
      const auto type = memory_.read<std::uint64_t>(at + layout_.bpf.obj_type);
      if (!type || *type == 0 || *type % 8 != 0 || at + layout_.bpf.obj_type == place) continue;
      if (!objects_.referenced(at)) continue;
      const auto [known, fresh] = types_.try_emplace(*type, 0);
      if (fresh) known->second = size_of_type(*type);
      if (known->second == 0) continue;
      if ((flags_of(*type) & kHaveGc) != 0 && !objects_.tracked(at)) continue;
      found.push_back(at);
    }
    return found;
  }

  [[nodiscard]] std::uint64_t flags_of(std::uint64_t type) const {
    return memory_.read<std::uint64_t>(type + layout_.user.type_flags).value_or(0);
  }

  /// tp_basicsize; 0: it is no type.
  [[nodiscard]] std::uint64_t size_of_type(std::uint64_t type) const {
    const auto of = objects_.type_of(type);
    if (!of || (flags_of(*of) & kTypeSubclass) == 0) return 0;
    const auto size = objects_.basicsize(type);
    return size && *size >= 16 && *size < (1 << 16) ? static_cast<std::uint64_t>(*size) : 0;
  }

  bool by_attributes(std::uint64_t object, const Followed& followed, std::uint64_t value, std::uint64_t item) {
    const auto attributes = objects_.attributes(object);
    if (!attributes) return false;
    const auto* entry = with_value(*attributes, value);
    const bool own_dict = entry == nullptr;  // `value` may be the dict with the object's attributes
    if (own_dict) entry = with_value(*attributes, item);
    if (entry == nullptr) return false;
    const auto type = objects_.type_of(object);
    const bool is_class = type && (flags_of(*type) & kTypeSubclass) != 0;
    take(followed, {.kind = Kind::attribute,
                    .container = own_dict ? followed.container_before : followed.container,
                    .name = objects_.text(entry->key, 256).value_or(""),
                    .owner = is_class ? objects_.type_name(object).value_or("") : reader_.type_name(object)});
    return true;
  }

  bool by_local(const Followed& followed, std::uint64_t code, std::uint64_t index) {
    const auto info = codes_.find(code);
    // The frame's stack follows its variables; above the top of the stack there are old values.
    if (info == nullptr || index >= info->locals.size()) return false;
    take(followed,
         {.kind = Kind::local, .container = followed.container, .name = info->locals[index], .owner = info->function});
    return true;
  }

  /// False: it is no such object, or does not hold the wanted object.
  bool by_object(std::uint64_t object, const Reference& reference, const Followed& followed) {
    const auto& bpf = layout_.bpf;
    const std::string& type = reader_.type_name(object);
    const std::uint64_t offset = reference.at - object;
    if (type == "coroutine" || type == "generator" || type == "async_generator") {
      const auto of = reader_.heap_coroutine(object);
      if (!of || of->frame == 0 || reference.at < of->frame + bpf.frame_localsplus) return false;
      return object != reference.object && offset < of->bytes &&
             by_local(followed, of->code, (reference.at - of->frame - bpf.frame_localsplus) / 8);
    }
    if (type == "frame" && (bpf.flags & PY_FRAME_OBJECTS) != 0) {
      if (offset < bpf.frame_localsplus) return offset == bpf.frame_gen;
      return by_local(followed, memory_.read<std::uint64_t>(object + bpf.frame_code).value_or(0),
                      (offset - bpf.frame_localsplus) / 8);
    }
    if (type == "tuple") {
      const auto items = tuple_items(objects_, object);
      if (!items || std::ranges::find(*items, reference.object) == items->end()) return false;
      follow_container(object, reference.object, followed, type);
      return true;
    }
    if (type == "cell") {
      if (offset != layout_.user.cell_value) return false;
      follow_container(object, reference.object, followed, type);
      return true;
    }
    if (type == "function" && offset == layout_.user.function_closure) {
      const auto code = memory_.read<std::uint64_t>(object + layout_.user.function_code);
      const auto info = codes_.find(code.value_or(0));
      // The program has not created the closure's tuple itself, so it is no container for the report.
      take(followed, {.kind = Kind::closure,
                      .container = followed.container == "tuple" ? "" : followed.container,
                      .name = {},
                      .owner = info != nullptr ? info->function : ""});
      return info != nullptr;
    }
    if (by_attributes(object, followed, reference.object, followed.item)) return true;
    const auto of = objects_.type_of(object);
    if (!of || offset >= types_[*of] || type.starts_with("weakref") || type == "frame" || type.empty()) return false;
    take(followed, {.kind = Kind::object, .container = followed.container, .name = {}, .owner = type});
    return true;
  }

  AsyncioReader& reader_;
  const Objects& objects_;
  const proc::Memory& memory_;
  const Layout& layout_;
  std::uint64_t modules_;
  ReferenceScan& scan_;
  CodeCache& codes_;
  std::unordered_map<std::uint64_t, std::uint64_t> module_of_;  // by its dict: its name, a str
  std::unordered_map<std::uint64_t, std::uint64_t> types_;      // tp_basicsize; 0: no type
  std::unordered_map<std::uint64_t, std::vector<Followed>> frontier_;
  std::unordered_map<std::uint64_t, std::vector<Followed>> next_;
  std::size_t followed_ = 0;  // of next_
  std::unordered_map<std::uint64_t, Holder> found_;
};

}  // namespace

std::unordered_map<std::uint64_t, Holder> find_holders(AsyncioReader& reader, ReferenceScan& references,
                                                       const proc::ResidentMemory& resident,
                                                       const std::vector<std::uint64_t>& held) {
  if (held.empty()) return {};
  return Search(reader, references).run(resident.ranges, held);
}

}  // namespace aiotrace::python
