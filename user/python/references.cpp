#include "python/references.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace aiotrace::python {
namespace {

constexpr std::size_t kObject = 80;  // the part of a list, dict or set that is read: 3.8 to 3.15
constexpr std::uint64_t kSetEntry = 16;
// A dict's keys: header, indices of at most 4 bytes and entries of 24 for 1.5 times as many slots as are in use, and
// some removed entries. An estimate that is too large only costs the read of a wrong dict.
constexpr std::uint64_t kDictRoom = 4096;
constexpr std::uint64_t kDictEntry = 96;
constexpr std::uint64_t kMaxSplitValues = 4096;

std::uint64_t word(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

ContainerTypes container_types(const Interpreter& interpreter, const proc::Memory& memory) {
  const Objects objects(memory, interpreter.layout);
  const auto modules = memory.pointer(interpreter.main_interpreter + interpreter.layout.user.interp_modules);
  const auto module = modules ? objects.find(*modules, "builtins") : std::nullopt;
  const auto names = module ? objects.module_dict(*module) : std::nullopt;
  if (!names) return {};
  const auto type = [&](const char* name) -> std::uint64_t {
    const auto found = objects.find(*names, name);
    return found && objects.type_name(*found) == name ? *found : 0;
  };
  return {.list = type("list"), .dict = type("dict"), .set = type("set")};
}

void ReferenceScan::add_container(std::uint64_t object, std::uint64_t type, std::span<const std::byte> bytes,
                                  std::size_t at) {
  std::array<std::byte, kObject> copy{};
  if (at + kObject > bytes.size()) {  // at the end of the piece
    if (!live_.read(object, copy)) return;
    bytes = copy;
    at = 0;
  }
  const auto field = [&](std::uint32_t offset) { return offset + 8 <= kObject ? word(bytes, at + offset) : 0; };
  const UserLayout& user = layout_.user;
  Container found{.object = object};
  constexpr std::uint64_t kMost = 1u << 28;
  if (type == types_.list) {
    found.start = field(user.list_items);
    found.end = found.start + 8 * std::min(field(layout_.bpf.bytes_size), kMost);
  } else if (type == types_.set) {
    found.start = field(user.set_table);
    found.end = found.start + kSetEntry * (std::min(field(user.set_mask), kMost) + 1);
  } else {
    const std::uint64_t values = field(user.dict_values);
    found.start = values != 0 ? values : field(layout_.bpf.dict_keys);
    found.end = found.start +
                (values != 0 ? 8 * kMaxSplitValues : kDictRoom + kDictEntry * std::min(field(user.dict_used), kMost));
  }
  if (found.start != 0) containers_.push_back(found);
}

void ReferenceScan::watch(std::unordered_set<std::uint64_t> wanted) {
  wanted_ = std::move(wanted);
  found_.clear();
  counts_.clear();
  sieve_ = PointerSieve(wanted_.size());
  for (const std::uint64_t each : wanted_) sieve_.add(each);
  indexing_ = containers_.empty();
  if (indexing_) {
    for (const std::uint64_t type : {types_.list, types_.dict, types_.set}) sieve_.add(type);
  }
}

void ReferenceScan::take(std::span<const std::byte> bytes, std::uint64_t address) {
  const std::uint64_t mask = layout_.bpf.flags & PY_TAGGED_REFS ? ~std::uint64_t{3} : ~std::uint64_t{0};
  const std::uint32_t type_at = layout_.bpf.obj_type;
  sieve_.sift<sizeof(std::uint64_t)>(bytes, 0, mask, [&](std::size_t at, std::uint64_t value) {
    // Most of the sieve's hits in a heap are lists and dicts: they are tested before the set is searched.
    if (indexing_ && (value == types_.list || value == types_.dict || value == types_.set)) {
      if (at >= type_at && at % 16 == type_at % 16 && containers_.size() < kMaxContainers)
        add_container(address + at - type_at, value, bytes, at - type_at);
    } else if (wanted_.contains(value)) {
      if (counts_[value]++ < kMaxReferences) found_.push_back({address + at, value});
    }
  });
}

std::vector<Reference> ReferenceScan::find(const std::vector<proc::Range>& ranges,
                                           const std::unordered_set<std::uint64_t>& wanted) {
  const bool taken = !wanted_.empty() &&
                     std::ranges::all_of(wanted, [this](std::uint64_t each) { return wanted_.contains(each); });
  if (!taken) {
    watch(wanted);
    proc::sweep(live_, ranges,
                [this](std::span<const std::byte> bytes, std::uint64_t address) { take(bytes, address); });
  }
  std::erase_if(found_, [&](const Reference& each) { return !wanted.contains(each.object); });
  wanted_.clear();
  return std::exchange(found_, {});
}

std::unordered_multimap<std::size_t, std::uint64_t> ReferenceScan::owners(
    const std::vector<Reference>& references) const {
  constexpr std::size_t kMaxOwners = 4096;
  std::vector<std::pair<std::uint64_t, std::size_t>> places;  // ascending
  places.reserve(references.size());
  for (std::size_t i = 0; i < references.size(); ++i) places.emplace_back(references[i].at, i);
  std::ranges::sort(places);
  std::unordered_multimap<std::size_t, std::uint64_t> found;
  for (const Container& each : containers_) {
    auto place = std::ranges::lower_bound(places, each.start, {}, &std::pair<std::uint64_t, std::size_t>::first);
    for (; place != places.end() && place->first < each.end; ++place) {
      // Lists that claim to be gigabytes long would contain every place.
      if (found.size() == kMaxOwners) return found;
      found.emplace(place->second, each.object);
    }
  }
  return found;
}

}  // namespace aiotrace::python
