#include "app/hang_description.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <unordered_map>
#include <utility>

#include "app/hang_graph.h"
#include "python/resource_names.h"

namespace aiotrace::app {
namespace {

using model::FoundHang;
using model::Hang;
using model::HangParty;
using python::HangLook;
using python::LookParty;
using python::LookResource;

// Groups of waiters that are written out, and parties that are looked at for their place.
constexpr std::size_t kMaxGroups = 32;
constexpr std::size_t kMaxGrouped = 20'000;
// Names of functions and files in all stacks: each can have a thousand characters.
constexpr std::size_t kMaxStackText = 16u << 20;

// Who is scheduled waits for its turn. A thread that stood still in no wait that is known waits, too.
model::PartyState state_of(LookParty::State state, bool steady) {
  switch (state) {
    case LookParty::State::sleeping: return model::PartyState::sleeping;
    case LookParty::State::running: return steady ? model::PartyState::waiting : model::PartyState::running;
    case LookParty::State::waiting:
    case LookParty::State::scheduled: break;
  }
  return model::PartyState::waiting;
}

class Description {
 public:
  Description(python::AsyncioReader& reader, const HangLook& look, const model::WaitGraph& graph,
              const std::map<pid_t, std::string>& names)
      : reader_(reader), look_(look), graph_(graph), names_(names) {}

  std::vector<Hang> run(const std::vector<FoundHang>& found, std::size_t most) {
    const auto all = merged(found, most);
    name_all(all);
    std::vector<Hang> hangs;
    hangs.reserve(all.size());
    for (const FoundHang& each : all) hangs.push_back(hang_of(each));
    return hangs;
  }

 private:
  // The instructions, whatever the objects: the same number for all that stand at the same place.
  [[nodiscard]] std::uint64_t place_of(std::uint32_t party) const {
    std::uint64_t place = look_.parties[party].task ? 1 : 2;
    for (const auto& frame : look_.parties[party].frames)
      place = (place ^ (frame.code + static_cast<std::uint64_t>(frame.lasti))) * 0x100000001b3;
    return place;
  }

  [[nodiscard]] std::vector<FoundHang> merged(const std::vector<FoundHang>& found, std::size_t most) const {
    std::vector<FoundHang> all;
    std::unordered_map<std::uint64_t, std::size_t> by_place;
    for (const FoundHang& each : found) {
      const LookResource& resource = look_.resources[each.resource];
      // Who awaits a task that goes on waits for what that one does.
      const bool about_it = model::is_final(each.verdict) || each.verdict == model::HangVerdict::cancel_ignored;
      if (resource.what == LookResource::What::task && !about_it) continue;
      const bool one_of_many = resource.what == LookResource::What::future && each.waiters.size() == 1 &&
                               each.ring.empty() && each.holders.empty();
      if (one_of_many) {
        const auto [known, fresh] = by_place.try_emplace(place_of(each.waiters.front()), all.size());
        if (!fresh) {
          FoundHang& first = all[known->second];
          if (first.verdict == each.verdict) {
            first.waiters.push_back(each.waiters.front());
            continue;
          }
        }
      }
      all.push_back(each);
    }
    std::ranges::stable_sort(all, [](const FoundHang& a, const FoundHang& b) {
      if (model::is_final(a.verdict) != model::is_final(b.verdict)) return model::is_final(a.verdict);
      return a.waiters.size() > b.waiters.size();
    });
    if (all.size() > most) all.resize(most);
    return all;
  }

  void name_all(const std::vector<FoundHang>& all) {
    std::set<std::uint32_t> numbers;
    for (const FoundHang& each : all) {
      numbers.insert(each.resource);
      for (const auto& step : each.ring) {
        if (step.resource) numbers.insert(*step.resource);
      }
    }
    std::vector<python::Nameless> wanted;
    std::unordered_map<std::uint32_t, std::size_t> index;
    for (const std::uint32_t number : numbers) {
      if (look_.resources[number].what != LookResource::What::object) continue;
      index.emplace(number, wanted.size());
      wanted.push_back({.object = look_.resources[number].object, .frames = {}});
    }
    const auto add_frames = [&](std::uint32_t number, std::uint32_t party) {
      const auto at = index.find(number);
      if (at == index.end() || wanted[at->second].frames.size() > 64) return;
      const auto& frames = look_.parties[party].frames;
      wanted[at->second].frames.insert(wanted[at->second].frames.end(), frames.begin(), frames.end());
    };
    for (const FoundHang& each : all) {
      for (const auto& step : each.ring) {
        if (step.resource) add_frames(*step.resource, step.party);
      }
      for (const std::uint32_t waiter : each.waiters | std::views::take(4)) add_frames(each.resource, waiter);
      for (const auto& holder : each.holders | std::views::take(4)) add_frames(each.resource, holder.party);
    }
    resource_names_ = python::name_resources(reader_, wanted);
  }

  [[nodiscard]] model::HangResource resource_of(std::uint32_t number) {
    const LookResource& resource = look_.resources[number];
    model::HangResource found{.kind = kind_of(resource),
                              .class_name = resource.class_name,
                              .name = {},
                              .capacity = resource.state.capacity,
                              .out = resource.state.out};
    if (resource.what == LookResource::What::task) {
      const auto fields = reader_.futures().read(resource.object);
      if (fields) found.name = reader_.futures().name_of(*fields).value_or("");
    } else if (resource.what == LookResource::What::pipe) {
      found.name = std::exchange(found.class_name, {});
    } else if (const auto name = resource_names_.find(resource.object); name != resource_names_.end()) {
      found.name = name->second;
    }
    return found;
  }

  [[nodiscard]] std::string text_of(std::uint32_t number) {
    const auto resource = resource_of(number);
    std::string text = look_.resources[number].what == LookResource::What::task
                           ? "task"
                           : std::string(model::name(resource.kind));
    if (!resource.name.empty()) return text + " " + resource.name;
    if (!resource.class_name.empty()) text += " (" + resource.class_name + ")";
    return text;
  }

  [[nodiscard]] model::Stack stack_of(const LookParty& party) {
    model::Stack stack;
    for (const auto& frame : party.frames | std::views::take(std::min(model::kMaxPartyFrames, frames_left_))) {
      const auto code = reader_.codes().find(frame.code);
      if (!code) continue;
      stack_text_ += code->function.size() + code->file.size();
      if (stack_text_ > kMaxStackText) break;
      stack.push_back({.kind = model::Frame::Kind::python,
                       .function = code->function,
                       .file = code->file,
                       .line = reader_.codes().line(frame.code, frame.lasti)});
    }
    frames_left_ -= stack.size();
    return stack;
  }

  [[nodiscard]] std::optional<std::uint32_t> first_wait(std::uint32_t party) const {
    const auto& waits = graph_.parties[party].waits;
    return waits.empty() ? std::nullopt : std::optional(waits.front());
  }

  // `waits_for`: of all that it waits for the one that matters here.
  [[nodiscard]] HangParty party_of(std::uint32_t number, std::optional<std::uint32_t> waits_for) {
    const LookParty& party = look_.parties[number];
    HangParty found{.task = party.task, .tid = static_cast<std::uint32_t>(party.tid)};
    if (party.task) {
      found.id = party.object;
      const auto fields = reader_.futures().read(party.object);
      if (fields) found.name = reader_.futures().name_of(*fields).value_or("");
    } else {
      found.id = static_cast<std::uint64_t>(party.tid);
      const auto name = names_.find(party.tid);
      if (name != names_.end()) found.name = name->second;
    }
    found.state = state_of(party.state, graph_.parties[number].steady);
    found.stack = stack_of(party);
    if (waits_for) found.waits_for = text_of(*waits_for);
    return found;
  }

  [[nodiscard]] std::vector<HangParty> grouped(const std::vector<std::uint32_t>& parties) {
    std::vector<HangParty> groups;
    std::unordered_map<std::uint64_t, std::size_t> by_place;
    for (const std::uint32_t each : parties | std::views::take(kMaxGrouped)) {
      const auto place = place_of(each);
      if (const auto known = by_place.find(place); known != by_place.end()) {
        groups[known->second].count++;
      } else if (groups.size() < kMaxGroups) {
        by_place.emplace(place, groups.size());
        groups.push_back(party_of(each, first_wait(each)));
      }
    }
    std::ranges::stable_sort(groups, std::ranges::greater{}, &HangParty::count);
    return groups;
  }

  [[nodiscard]] Hang hang_of(const FoundHang& found) {
    Hang hang{.verdict = found.verdict, .exact = found.exact, .resource = resource_of(found.resource)};
    hang.resource.waiting = found.waiters.size();
    std::vector<std::uint32_t> behind;
    std::set<std::uint32_t> in_ring;
    for (const auto& step : found.ring | std::views::take(model::kMaxRing)) {
      hang.waiters.push_back(party_of(step.party, step.resource));
      hang.ring.push_back(hang.waiters.back().id);
      in_ring.insert(step.party);
    }
    hang.ring_more = found.ring.size() - hang.ring.size();
    for (const std::uint32_t waiter : found.waiters) {
      if (!in_ring.contains(waiter)) behind.push_back(waiter);
    }
    auto groups = grouped(behind);
    hang.waiters.insert(hang.waiters.end(), std::make_move_iterator(groups.begin()),
                        std::make_move_iterator(groups.end()));
    for (const auto& hold : found.holders | std::views::take(kMaxGroups)) {
      hang.holders.push_back(party_of(hold.party, first_wait(hold.party)));
      hang.holders.back().how = hold.how;
    }
    return hang;
  }

  python::AsyncioReader& reader_;
  const HangLook& look_;
  const model::WaitGraph& graph_;
  const std::map<pid_t, std::string>& names_;
  std::unordered_map<std::uint64_t, std::string> resource_names_;
  std::size_t frames_left_ = model::kMaxHangFrames;
  std::size_t stack_text_ = 0;
};

}  // namespace

std::vector<Hang> describe_hangs(python::AsyncioReader& reader, const HangLook& look, const model::WaitGraph& graph,
                                 const std::vector<FoundHang>& found, const std::map<pid_t, std::string>& names,
                                 std::size_t most) {
  return Description(reader, look, graph, names).run(found, most);
}

}  // namespace aiotrace::app
