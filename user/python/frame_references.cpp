#include "python/frame_references.h"

#include <algorithm>
#include <string>
#include <utility>

#include "python/containers.h"
#include "python/frame_slots.h"

namespace aiotrace::python {
namespace {

// A container that has more items is data, or a registry of everything.
constexpr std::size_t kMaxFollowed = 128;
constexpr std::size_t kMaxKept = 200'000;

std::vector<std::uint64_t> values(const std::vector<Objects::Entry>& entries) {
  std::vector<std::uint64_t> found;
  for (const auto& entry : entries) {
    if (entry.value != 0) found.push_back(entry.value);
  }
  return found;
}

// Nothing of one that has too many.
std::vector<std::uint64_t> items_of(const Objects& objects, const std::string& type, std::uint64_t object) {
  std::optional<std::vector<std::uint64_t>> items;
  if (type == "list") items = list_items(objects, object, kMaxFollowed + 1);
  if (type == "tuple") items = tuple_items(objects, object, kMaxFollowed + 1);
  if (type == "set" || type == "frozenset") items = set_items(objects, object, kMaxFollowed + 1);
  if (type == "collections.deque") items = deque_items(objects, object, kMaxFollowed + 1);
  if (type == "dict" || type == "collections.OrderedDict" || type == "collections.defaultdict") {
    const auto entries = objects.entries(object, kMaxFollowed + 1);
    if (entries) items = values(*entries);
  }
  return items && items->size() <= kMaxFollowed ? *std::move(items) : std::vector<std::uint64_t>{};
}

}  // namespace

FrameReferences::References FrameReferences::read_next(std::uint64_t object) {
  const ReferentForm form = referents_.form_of(object);
  switch (form) {
    case ReferentForm::leaf:
    case ReferentForm::future:
    case ReferentForm::connection:
    case ReferentForm::module:
    case ReferentForm::type: return {};
    case ReferentForm::callable:
    case ReferentForm::coroutine: return referents_.read(object).objects;
    case ReferentForm::container: {
      auto found = items_of(reader_.objects(), reader_.type_name(object), object);
      const auto attributes = reader_.objects().attributes(object);
      if (attributes && attributes->size() <= kMaxFollowed)
        std::ranges::copy(values(*attributes), std::back_inserter(found));
      return found;
    }
    case ReferentForm::instance: break;
  }
  const auto attributes = reader_.objects().attributes(object);
  auto found = attributes && attributes->size() <= kMaxFollowed ? values(*attributes) : References{};
  std::ranges::copy(referents_.read(object).objects, std::back_inserter(found));
  return found;
}

const FrameReferences::References& FrameReferences::next_of(std::uint64_t object) {
  if (const auto known = next_.find(object); known != next_.end()) return known->second;
  if (next_.size() >= kMaxKept) next_.clear();
  return next_.emplace(object, read_next(object)).first->second;
}

std::vector<FrameReferences::Found> FrameReferences::search(References from, unsigned most_distance) {
  std::vector<Found> found;
  std::unordered_set<std::uint64_t> seen;
  for (unsigned distance = 0; distance <= most_distance && !from.empty(); ++distance) {
    References next;
    for (const std::uint64_t object : from) {
      if (object == 0 || closed_.contains(object) || !seen.insert(object).second) continue;
      if (++steps_ > kMaxSteps) return found;
      if (wanted_.size() >= kMaxKept) wanted_.clear();
      const auto known = wanted_.find(object);
      const bool wanted = known != wanted_.end() ? known->second
                                                 : wanted_.emplace(object, is_wanted_(object)).first->second;
      if (wanted) {
        found.push_back({.object = object, .distance = distance});
      } else if (distance < most_distance) {
        const References& more = next_of(object);
        next.insert(next.end(), more.begin(), more.end());
      }
    }
    from = std::move(next);
  }
  return found;
}

// What lies on the stack of a running frame above its top is older: only its variables.
FrameReferences::References FrameReferences::slots_of(const LookFrame& frame, bool task) {
  Coroutine of{.object = frame.object, .state = CoroutineState::running, .code = frame.code, .frame = frame.object};
  if (task) {
    const auto coroutine = reader_.coroutines().read(frame.object);
    if (!coroutine || coroutine->frame == 0) return {};
    of = *coroutine;
  }
  if (of.frame == 0) return {};
  const std::uint64_t count = of.state == CoroutineState::suspended ? used_slots(reader_, of)
                                                                    : variable_slots(reader_, of);
  auto found = referents_.slots(of.frame + reader_.interpreter().layout.bpf.frame_localsplus, count, true);
  // A variable that a closure shares lies in a cell.
  for (std::uint64_t& slot : found) {
    if (reader_.type_name(slot) != "cell") continue;
    slot = reader_.memory().read<std::uint64_t>(slot + reader_.interpreter().layout.user.cell_value).value_or(0);
  }
  return found;
}

std::vector<FrameReferences::Found> FrameReferences::of_frame(const LookFrame& frame, bool task,
                                                              unsigned most_distance) {
  return search(slots_of(frame, task), most_distance);
}

std::vector<FrameReferences::Found> FrameReferences::of_object(std::uint64_t object, unsigned most_distance) {
  return search({object}, most_distance);
}

}  // namespace aiotrace::python
