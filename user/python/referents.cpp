#include "python/referents.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "python/containers.h"
#include "python/frame_slots.h"

namespace aiotrace::python {
namespace {

// Include/object.h, 3.8 to 3.15.
constexpr std::uint64_t kHaveGc = std::uint64_t{1} << 14;
constexpr std::uint64_t kTypeSubclass = std::uint64_t{1} << 31;
constexpr std::uint64_t kManagedDict = std::uint64_t{1} << 4;  // 3.11+
constexpr std::int64_t kMaxFields = 1024;
constexpr std::size_t kMaxKept = 200'000;
constexpr unsigned kMaxBases = 32;

constexpr std::array<std::string_view, 7> kCallables = {"method",         "builtin_function_or_method",
                                                        "builtin_method", "functools.partial",
                                                        "cell",           "staticmethod",
                                                        "classmethod"};
constexpr std::array<std::string_view, 8> kLeaves = {
    "code", "frame", "traceback", "Context", "_contextvars.Context", "hamt", "ContextVar", "_contextvars.ContextVar"};

}  // namespace

ReferentReader::ReferentReader(AsyncioReader& reader)
    : reader_(reader),
      objects_(reader.objects()),
      memory_(reader.memory()),
      layout_(reader.interpreter().layout),
      protocol_(class_in("asyncio.protocols", "BaseProtocol")),
      transport_(class_in("asyncio.transports", "BaseTransport")),
      handle_(class_in("asyncio.events", "Handle")) {}

std::uint64_t ReferentReader::class_in(const char* module, const char* name) const {
  const auto modules = memory_.pointer(reader_.interpreter().main_interpreter + layout_.user.interp_modules);
  const auto found = modules ? objects_.find(*modules, module) : std::nullopt;
  const auto names = found ? objects_.module_dict(*found) : std::nullopt;
  return names ? objects_.find(*names, name).value_or(0) : 0;
}

std::uint64_t ReferentReader::flags_of(std::uint64_t type) const {
  return memory_.read<std::uint64_t>(type + layout_.user.type_flags).value_or(0);
}

bool ReferentReader::derived(std::uint64_t type, std::uint64_t base) const {
  if (base == 0) return false;
  const auto mro = memory_.pointer(type + layout_.user.type_mro);
  const auto bases = mro ? tuple_items(objects_, *mro) : std::nullopt;
  return bases && std::ranges::find(*bases, base) != bases->end();
}

ReferentReader::Class ReferentReader::classify(std::uint64_t type) const {
  using Form = ReferentForm;
  const std::uint64_t flags = flags_of(type);
  Class found{.form = Form::leaf, .size = objects_.basicsize(type).value_or(0)};
  found.managed = layout_.user.managed_dict != kNoOffset && (flags & kManagedDict) != 0;
  const std::string own = objects_.type_name(type).value_or("");
  if (own == "type" || (flags & kTypeSubclass) != 0) {
    found.form = Form::type;
    return found;
  }
  // An object that the collector does not visit refers to nothing.
  if ((flags & kHaveGc) == 0 || std::ranges::find(kLeaves, own) != kLeaves.end()) return found;
  found.form = Form::instance;
  if (own == "module") found.form = Form::module;
  if (own == "function" || std::ranges::find(kCallables, own) != kCallables.end()) found.form = Form::callable;
  if (own.starts_with("uvloop.loop.") || derived(type, protocol_) || derived(type, transport_) ||
      derived(type, handle_))
    found.form = Form::connection;
  auto base = std::optional(type);
  for (unsigned i = 0; i < kMaxBases && base && *base != 0; ++i) {
    const std::string name = objects_.type_name(*base).value_or("");
    if (name.starts_with("weakref") || name.starts_with("weakproxy") || name == "weakcallableproxy") {
      found.form = Form::leaf;
      return found;
    }
    if (name == "module") found.form = Form::module;
    found.layer = name == "list"                         ? Layer::list
                  : name == "tuple"                      ? Layer::tuple
                  : name == "dict"                       ? Layer::dict
                  : name == "set" || name == "frozenset" ? Layer::set
                  : name == "collections.deque"          ? Layer::deque
                                                         : Layer::none;
    if (found.layer != Layer::none) {
      found.form = Form::container;
      found.first = objects_.basicsize(*base).value_or(found.size);
      break;
    }
    base = memory_.read<std::uint64_t>(*base + layout_.user.type_base);
  }
  return found;
}

const ReferentReader::Class& ReferentReader::class_of(std::uint64_t object) {
  static constexpr Class kNone{};
  const auto type = objects_.type_of(object);
  if (!type) return kNone;
  if (const auto known = classes_.find(*type); known != classes_.end()) return known->second;
  if (classes_.size() >= kMaxKept) classes_.clear();
  return classes_.emplace(*type, classify(*type)).first->second;
}

bool ReferentReader::is_object(std::uint64_t word) {
  constexpr std::uint64_t kFirstPage = 4096;
  if (word < kFirstPage || word % 8 != 0) return false;
  const auto type = objects_.type_of(word);
  if (!type || *type % 8 != 0) return false;
  if (const auto known = is_type_.find(*type); known != is_type_.end()) return known->second;
  if (is_type_.size() >= kMaxKept) is_type_.clear();
  const auto metatype = objects_.type_of(*type);
  return is_type_.emplace(*type, metatype && (flags_of(*metatype) & kTypeSubclass) != 0).first->second;
}

void ReferentReader::add_items(Layer layer, std::uint64_t object, std::vector<std::uint64_t>& into) const {
  if (layer == Layer::dict) {
    for (const auto& entry : objects_.entries(object).value_or(std::vector<Objects::Entry>{})) {
      into.push_back(entry.key);
      into.push_back(entry.value);
    }
    return;
  }
  const auto items = layer == Layer::list    ? list_items(objects_, object)
                     : layer == Layer::tuple ? tuple_items(objects_, object)
                     : layer == Layer::set   ? set_items(objects_, object)
                     : layer == Layer::deque ? deque_items(objects_, object)
                                             : std::nullopt;
  if (items) into.insert(into.end(), items->begin(), items->end());
}

// A class that C code defines does not say which of its fields are references: each pointer to an object is taken for
// one.
void ReferentReader::add_fields(std::uint64_t object, const Class& its, std::vector<std::uint64_t>& into) {
  const std::int64_t first = std::max(its.first, std::int64_t{layout_.bpf.obj_type} + 8);
  const std::int64_t size = std::min(its.size, kMaxFields);
  if (size <= first) return;
  std::vector<std::uint64_t> words(static_cast<std::size_t>(size - first) / 8);
  if (!memory_.read(object + static_cast<std::uint64_t>(first), std::as_writable_bytes(std::span(words)))) return;
  for (const std::uint64_t word : words) {
    if (is_object(word)) into.push_back(word);
  }
}

// If a field of the object holds the dict with its attributes, the dict is one of its fields.
void ReferentReader::add_attributes(std::uint64_t object, std::vector<std::uint64_t>& into) const {
  const UserLayout& user = layout_.user;
  const auto word = memory_.read<std::uint64_t>(object - user.managed_dict).value_or(0);
  const bool tagged_values = user.values_valid == kNoOffset && user.managed_values == kNoOffset && (word & 1) != 0;
  if (word != 0 && !tagged_values) {
    into.push_back(word);
    return;
  }
  for (const auto& entry : objects_.attributes(object).value_or(std::vector<Objects::Entry>{})) {
    if (entry.value != 0) into.push_back(entry.value);
  }
}

std::vector<std::uint64_t> ReferentReader::slots(std::uint64_t first, std::uint64_t count, bool borrowed) const {
  constexpr std::uint64_t kMaxSlots = 4096;
  constexpr std::uint64_t kTag = 3;
  std::vector<std::uint64_t> words(std::min(count, kMaxSlots));
  if (words.empty() || !memory_.read(first, std::as_writable_bytes(std::span(words)))) return {};
  if ((layout_.bpf.flags & PY_TAGGED_REFS) != 0) {
    // Include/internal/pycore_stackref.h: a tag marks a reference that is not part of the reference count.
    if (!borrowed) std::erase_if(words, [](std::uint64_t word) { return (word & kTag) != 0; });
    for (std::uint64_t& word : words) word &= ~kTag;
  }
  std::erase(words, 0);
  return words;
}

void ReferentReader::add_frame(std::uint64_t object, std::vector<std::uint64_t>& into) {
  const auto coroutine = reader_.coroutines().read(object);
  if (!coroutine || coroutine->frame == 0) return;
  const std::uint64_t count = coroutine->state == CoroutineState::suspended ? used_slots(reader_, *coroutine)
                                                                            : variable_slots(reader_, *coroutine);
  const auto words = slots(coroutine->frame + layout_.bpf.frame_localsplus, count, false);
  std::ranges::copy_if(words, std::back_inserter(into), [this](std::uint64_t word) { return is_object(word); });
}

ReferentForm ReferentReader::form_of(std::uint64_t object) {
  if (!is_object(object)) return ReferentForm::leaf;
  if (reader_.futures().kind_of(object) != FutureKind::none) return ReferentForm::future;
  const AwaitableKind kind = reader_.coroutines().kind_of(object);
  if (kind == AwaitableKind::coroutine || kind == AwaitableKind::generator || kind == AwaitableKind::async_generator)
    return ReferentForm::coroutine;
  return class_of(object).form;
}

Referents ReferentReader::read(std::uint64_t object) {
  Referents found{.form = form_of(object), .objects = {}};
  if (found.form == ReferentForm::coroutine) add_frame(object, found.objects);
  if (found.form == ReferentForm::coroutine || found.form == ReferentForm::future) return found;
  if (found.form == ReferentForm::leaf) return found;
  const Class its = class_of(object);
  const UserLayout& user = layout_.user;
  const auto field = [&](std::uint32_t offset) {
    const auto value = offset != kNoOffset ? memory_.pointer(object + offset) : std::nullopt;
    if (value && is_object(*value)) found.objects.push_back(*value);
  };
  switch (its.form) {
    case ReferentForm::leaf:
    case ReferentForm::future:
    case ReferentForm::coroutine: return found;
    case ReferentForm::module: field(user.module_dict); return found;
    case ReferentForm::type: field(user.type_dict); return found;
    case ReferentForm::callable:
      if (reader_.type_name(object) == "function") {
        field(user.function_closure);
        return found;
      }
      break;
    case ReferentForm::container: add_items(its.layer, object, found.objects); break;
    case ReferentForm::connection:
    case ReferentForm::instance: break;
  }
  // A tuple's items are where a class derived from tuple would have its fields.
  if (its.layer != Layer::tuple) add_fields(object, its, found.objects);
  if (its.managed) add_attributes(object, found.objects);
  return found;
}

std::vector<std::uint64_t> ReferentReader::of_future(std::uint64_t future) {
  std::vector<std::uint64_t> found;
  const Class its = class_of(future);
  add_fields(future, its, found);
  if (its.managed) add_attributes(future, found);
  return found;
}

std::uint64_t ReferentReader::count_of(std::uint64_t object) const {
  if ((layout_.bpf.flags & PY_FREE_THREADED) == 0) return memory_.read<std::uint32_t>(object).value_or(0);
  // Include/object.h with Py_GIL_DISABLED: u32 ob_ref_local at 12, then ob_ref_shared, whose two lowest bits are flags.
  const auto local = memory_.read<std::uint32_t>(object + 12).value_or(0);
  const auto shared = memory_.read<std::int64_t>(object + 16).value_or(0) >> 2;
  return local + static_cast<std::uint64_t>(std::max<std::int64_t>(shared, 0));
}

}  // namespace aiotrace::python
