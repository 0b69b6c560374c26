#include "python/abandoned.h"

#include <algorithm>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "python/code_names.h"
#include "python/containers.h"
#include "python/frame_references.h"

namespace aiotrace::python {
namespace {

constexpr std::size_t kMostResources = 4;
constexpr std::size_t kMostHolders = 8;
constexpr std::size_t kMostWaiters = 8;  // whose variables are asked for the owner's name
constexpr std::size_t kMostTimers = 100'000;
constexpr unsigned kSteps = 2;

using Set = std::unordered_set<std::uint64_t>;

struct Uses {
  bool named = false;  // mentions the lock's name
  bool acquires = false;
  bool releases = false;
};

class Judge {
 public:
  Judge(AsyncioReader& reader, ResourceReader& resources, const HangLook& look, const Set& loops)
      : reader_(reader), resources_(resources), look_(look), loops_(loops), names_(reader) {
    for (const LookParty& party : look.parties) {
      for (const LookFrame& frame : party.frames) frames_.insert(frame.object);
    }
  }

  [[nodiscard]] bool nobody_has(std::uint32_t number) {
    lock_ = look_.resources[number].object;
    may_hold_.clear();
    cut_ = false;
    called_.clear();
    owners_.clear();
    for (const std::string& name : names_.variables_of_modules(lock_)) called_.insert(name);
    std::size_t asked = 0;
    for (const LookParty& party : look_.parties) {
      if (std::ranges::find(party.waits, number) == party.waits.end()) continue;
      if (++asked <= kMostWaiters) ask_for_names(party);
    }
    if (called_.empty() || !taken_and_given_back_in_one()) return false;
    find_who_may(number);
    return !cut_ && may_hold_.empty() && !any_timer_may();
  }

  /// Parties of which nobody_has() found that they may hold it, the first ones.
  [[nodiscard]] const std::vector<std::uint32_t>& may_hold() const { return may_hold_; }

 private:
  // Of a wait the frames of the library's own functions, and the one that called these.
  [[nodiscard]] std::size_t frames_of_wait(const LookParty& party) const {
    std::size_t count = 0;
    for (const LookFrame& frame : party.frames) {
      ++count;
      const auto code = reader_.codes().find(frame.code);
      const std::string file = code ? reader_.interpreter().libraries.inside(code->file) : "";
      if (file != "asyncio/locks.py" && file != "threading.py") break;
    }
    return count;
  }

  // A variable that is the lock, or an attribute of what a variable is.
  void ask_for_names(const LookParty& party) {
    for (const LookFrame& frame : party.frames | std::views::take(frames_of_wait(party) + 1)) {
      const auto code = reader_.codes().find(frame.code);
      if (!code) continue;
      Coroutine of{.object = frame.object, .code = frame.code, .frame = frame.object};
      if (party.task) of = reader_.coroutines().read(frame.object).value_or(Coroutine{});
      for (std::size_t i = 0; of.frame != 0 && i < code->locals.size(); ++i) {
        const std::uint64_t value = reader_.coroutines().local(of, i);
        if (value == lock_ && code->locals[i] != "self") called_.insert(code->locals[i]);
        if (value == 0 || value == lock_ || reader_.type_name(value) == "module") continue;
        for (const auto& entry : reader_.objects().attributes(value).value_or(std::vector<Objects::Entry>{})) {
          if (entry.value != lock_) continue;
          called_.insert(names_.text(entry.key));
          owners_.insert(value);
        }
      }
    }
  }

  [[nodiscard]] Uses uses_of(std::uint64_t code) {
    Uses found;
    for (const std::uint64_t name : names_.names(code)) {
      const std::string& text = names_.text(name);
      found.named = found.named || called_.contains(text);
      found.acquires = found.acquires || text.starts_with("acquire");
      found.releases = found.releases || text.starts_with("release");
    }
    const auto info = found.named ? nullptr : reader_.codes().find(code);
    if (info) {
      found.named = std::ranges::any_of(info->locals, [&](const auto& local) { return called_.contains(local); });
    }
    return found;
  }

  // At least one function takes it without a block, and none only takes it, or only gives it back.
  [[nodiscard]] bool taken_and_given_back_in_one() {
    bool taken = false, apart = false;
    const bool all = names_.own_functions([&](std::uint64_t code) {
      const Uses uses = uses_of(code);
      taken = taken || (uses.named && uses.acquires);
      apart = apart || (uses.named && uses.acquires != uses.releases);
    });
    return all && taken && !apart;
  }

  [[nodiscard]] bool may_release(std::uint64_t code) {
    const Uses uses = uses_of(code);
    return uses.named && uses.releases;
  }

  // The lock, its owner, or a generator that is on nobody's stack and gives it back.
  [[nodiscard]] bool leads_to_it(std::uint64_t object) {
    if (object == lock_ || owners_.contains(object)) return true;
    if (frames_.contains(object)) return false;
    const auto kind = reader_.coroutines().kind_of(object);
    if (kind != AwaitableKind::coroutine && kind != AwaitableKind::generator && kind != AwaitableKind::async_generator)
      return false;
    const auto coroutine = reader_.coroutines().read(object);
    return coroutine && coroutine->state != CoroutineState::finished && may_release(coroutine->code);
  }

  [[nodiscard]] bool is_generator(std::uint64_t object) { return object != lock_ && !owners_.contains(object); }

  [[nodiscard]] bool may_hold(const LookParty& party, const LookFrame& frame, FrameReferences& references) {
    const Uses uses = uses_of(frame.code);
    if (uses.named && uses.releases) return true;
    const auto leads = references.of_frame(frame, party.task, kSteps);
    return std::ranges::any_of(leads, [&](const auto& found) { return uses.releases || is_generator(found.object); });
  }

  void find_who_may(std::uint32_t number) {
    FrameReferences references(reader_, [this](std::uint64_t object) { return leads_to_it(object); }, frames_);
    for (std::uint32_t i = 0; i < look_.parties.size() && may_hold_.size() < kMostHolders; ++i) {
      const LookParty& party = look_.parties[i];
      const bool waits = std::ranges::find(party.waits, number) != party.waits.end();
      for (const LookFrame& frame : party.frames | std::views::drop(waits ? frames_of_wait(party) : 0)) {
        cut_ = references.cut();
        if (cut_) return;
        if (!may_hold(party, frame, references)) continue;
        may_hold_.push_back(i);
        break;
      }
    }
  }

  [[nodiscard]] bool any_timer_may() {
    FrameReferences references(reader_, [this](std::uint64_t object) { return leads_to_it(object); }, {});
    std::size_t looked = 0;
    for (const std::uint64_t loop : loops_) {
      const std::uint64_t timers = resources_.attribute(loop, "_scheduled");
      const auto items = timers != 0 ? list_items(reader_.objects(), timers, kMostTimers) : std::nullopt;
      for (const std::uint64_t handle : items.value_or(std::vector<std::uint64_t>{})) {
        if (++looked > kMostTimers) return true;
        for (const char* part : {"_callback", "_args"}) {
          const std::uint64_t object = resources_.attribute(handle, part);
          if (object != 0 && !references.of_object(object, kSteps).empty()) return true;
        }
        if (references.cut()) return true;
      }
    }
    return false;
  }

  AsyncioReader& reader_;
  ResourceReader& resources_;
  const HangLook& look_;
  const Set& loops_;
  CodeNames names_;
  Set frames_;  // coroutines that parties are in
  // Of the lock at hand:
  std::uint64_t lock_ = 0;
  std::unordered_set<std::string> called_;
  Set owners_;
  std::vector<std::uint32_t> may_hold_;
  bool cut_ = false;  // not everything was looked at
};

bool ended_task(AsyncioReader& reader, std::uint64_t object) {
  const auto fields = object != 0 ? reader.futures().read(object) : std::nullopt;
  return fields && fields->task && !fields->pending();
}

// What is all taken, and has no holder that is known.
bool all_taken(const ResourceReader& resources, AsyncioReader& reader, const LookResource& resource) {
  if (resource.what != LookResource::What::object || !resource.holds.empty() || resource.closed) return false;
  switch (resource.type.form) {
    case ResourceForm::asyncio_lock:
    case ResourceForm::thread_lock:
    case ResourceForm::thread_rlock: return resource.state.locked.value_or(false);
    case ResourceForm::asyncio_semaphore: {
      const std::uint64_t value = resources.attribute(resource.object, "_value");
      return value != 0 && reader.objects().unsigned_int(value) == 0u;
    }
    default: return false;
  }
}

}  // namespace

void find_abandoned(AsyncioReader& reader, ResourceReader& resources, HangLook& look,
                    const std::unordered_set<std::uint64_t>& loops) {
  // A holder may be among the tasks that are missing.
  if (look.torn || look.too_many || look.unreadable != 0) return;
  std::vector<std::size_t> waiters(look.resources.size());
  for (const LookParty& party : look.parties) {
    for (const std::uint32_t number : party.waits) ++waiters[number];
  }
  std::vector<std::uint32_t> unexplained;
  for (std::uint32_t i = 0; i < look.resources.size(); ++i) {
    LookResource& resource = look.resources[i];
    if (waiters[i] == 0) continue;
    if (resource.type.form == ResourceForm::anyio_lock && resource.holds.empty())
      resource.closed = ended_task(reader, resources.attribute(resource.object, "_owner_task"));
    else if (all_taken(resources, reader, resource))
      unexplained.push_back(i);
  }
  std::ranges::stable_sort(unexplained, std::ranges::greater{}, [&](std::uint32_t i) { return waiters[i]; });
  Judge judge(reader, resources, look, loops);
  for (const std::uint32_t number : unexplained | std::views::take(kMostResources)) {
    LookResource& resource = look.resources[number];
    resource.inferred = resource.closed = judge.nobody_has(number);
    for (const std::uint32_t party : judge.may_hold())
      resource.holds.push_back({.party = party, .how = LookHold::How::refers});
  }
}

}  // namespace aiotrace::python
