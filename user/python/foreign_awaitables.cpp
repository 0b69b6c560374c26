#include "python/foreign_awaitables.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

namespace aiotrace::python {
namespace {

// Include/object.h, 3.8 to 3.15.
constexpr std::uint64_t kHaveGc = std::uint64_t{1} << 14;
constexpr std::uint64_t kTypeSubclass = std::uint64_t{1} << 31;

class Search {
 public:
  explicit Search(AsyncioReader& reader) : reader_(reader), objects_(reader.objects()) {}

  std::vector<std::uint64_t> run(std::uint64_t object) {
    constexpr unsigned kSteps = 3;
    constexpr std::size_t kMostObjects = 256;
    const auto type = objects_.type_of(object);
    std::vector<std::uint64_t> level{object};
    for (unsigned step = 0; step < kSteps && !level.empty(); ++step) {
      next_.clear();
      for (std::size_t i = 0; i < level.size(); ++i) {
        if (seen_.size() >= kMostObjects || !seen_.insert(level[i]).second) continue;
        const std::size_t before = next_.size();
        look_into(level[i]);
        // A coroutine that awaits a coroutine of its own class does not count as a step.
        const auto same = std::ranges::stable_partition(next_.begin() + static_cast<std::ptrdiff_t>(before),
                                                        next_.end(), [&](std::uint64_t each) {
                                                          return objects_.type_of(each) != type;
                                                        });
        // Not insert(), because GCC 14 reports a false overflow in it.
        for (const std::uint64_t each : same) level.push_back(each);
        next_.erase(same.begin(), same.end());
      }
      level = next_;
    }
    return std::move(found_);
  }

 private:
  void look_into(std::uint64_t object) {
    constexpr std::int64_t kMostBytes = 1024;
    const auto type = is_unknown(object) ? objects_.type_of(object) : std::nullopt;
    const auto size = type ? objects_.basicsize(*type) : std::nullopt;
    if (!size) return;
    const std::int64_t head = reader_.interpreter().layout.bpf.obj_type + 8;
    for (std::int64_t at = head; at + 8 <= std::min(*size, kMostBytes); at += 8) {
      const auto word = reader_.memory().read<std::uint64_t>(object + static_cast<std::uint64_t>(at));
      if (!word) break;
      take(*word);
    }
    for (const auto& entry : objects_.attributes(object).value_or(std::vector<Objects::Entry>{})) take(entry.value);
  }

  void take(std::uint64_t word) {
    constexpr std::size_t kMostFound = 4096;
    constexpr std::uint64_t kFirstPage = 4096;
    if (word < kFirstPage || word % 8 != 0 || found_.size() >= kMostFound) return;
    const AwaitStep step = reader_.resolve(word);
    if (step.to == AwaitStep::To::coroutine)
      found_.push_back(step.object);
    else if (step.to == AwaitStep::To::unknown && step.object == word && is_unknown(word))
      next_.push_back(word);
  }

  /// True for a live object that the collector tracks and whose class is not one of CPython's own common classes.
  bool is_unknown(std::uint64_t object) {
    static constexpr std::array<std::string_view, 16> kCommon = {
        "type", "module", "function", "method",    "builtin_function_or_method", "code",     "frame", "tuple",
        "dict", "list",   "set",      "frozenset", "collections.deque",          "property", "cell",  "mappingproxy"};
    const auto type = objects_.type_of(object);
    const auto metatype = type ? objects_.type_of(*type) : std::nullopt;
    if (!metatype || (flags_of(*metatype) & kTypeSubclass) == 0 || !objects_.referenced(object)) return false;
    if ((flags_of(*type) & kHaveGc) != 0 && !objects_.tracked(object)) return false;
    if (reader_.futures().kind_of(object) != FutureKind::none) return false;
    return std::ranges::find(kCommon, reader_.type_name(object)) == kCommon.end();
  }

  [[nodiscard]] std::uint64_t flags_of(std::uint64_t type) const {
    return reader_.memory().read<std::uint64_t>(type + reader_.interpreter().layout.user.type_flags).value_or(0);
  }

  AsyncioReader& reader_;
  const Objects& objects_;
  std::unordered_set<std::uint64_t> seen_;
  std::vector<std::uint64_t> next_;
  std::vector<std::uint64_t> found_;
};

}  // namespace

std::optional<std::string> compiled_coroutine_name(AsyncioReader& reader, std::uint64_t object) {
  constexpr std::int64_t kMostBytes = 256;
  constexpr std::size_t kMostName = 512;
  const std::string& type = reader.type_name(object);
  if (!type.starts_with("_cython_") && type != "compiled_coroutine") return std::nullopt;
  const auto size = reader.objects().basicsize(reader.objects().type_of(object).value_or(0)).value_or(0);
  const auto end = static_cast<std::uint64_t>(std::clamp(size, std::int64_t{0}, kMostBytes));
  bool name_before = false;
  for (std::uint64_t at = reader.interpreter().layout.bpf.obj_type + 8; at + 8 <= end; at += 8) {
    const auto word = reader.memory().pointer(object + at);
    const bool is_text = word && reader.type_name(*word) == "str";
    if (is_text && name_before) return reader.objects().text(*word, kMostName);
    name_before = is_text;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> coroutines_behind(AsyncioReader& reader, std::uint64_t object) {
  return Search(reader).run(object);
}

}  // namespace aiotrace::python
