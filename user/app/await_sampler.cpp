#include "app/await_sampler.h"

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <string_view>
#include <tuple>
#include <vector>

#include "app/await_places.h"
#include "output/trace/folded.h"
#include "util/clock.h"
#include "util/hash.h"

namespace aiotrace::app {
namespace {

// More await chains than this are a program that makes code objects as it goes: the rest is one site.
constexpr std::size_t kMaxChains = 100'000;

// Reading tasks again takes as long as the snapshot did, and two milliseconds. The first snapshot, where all are new,
// gets more: it is the one that every later one is compared with.
constexpr std::uint64_t kMinAgainNs = 2'000'000;
constexpr std::uint64_t kFirstAgainNs = 200'000'000;
constexpr std::size_t kAgainAtOnce = 16;

// What it awaited has come, and it waits for its turn: that still belongs to the await.
bool is_its_turn(const python::Task& task) { return task.waits_for.kind == python::WaitKind::turn; }

std::string folded(const python::Task& task, const python::WaitsFor& wait) {
  std::string line;
  if (task.stack_cut) line = "[too deep];";
  for (const auto& frame : std::views::reverse(task.stack)) line += output::folded_frame(frame_of(frame)) + ";";
  return line + "[" + text_of(wait) + "]";
}

std::vector<model::WeightedFrame> frames_of(const python::Task& task) {
  std::vector<model::WeightedFrame> frames;
  if (task.stack_cut) frames.push_back(model::mark_frame("too deep"));
  for (const auto& frame : std::views::reverse(task.stack)) frames.push_back(model::weighted_frame(frame_of(frame)));
  frames.push_back(model::mark_frame(text_of(task.waits_for)));
  return frames;
}

}  // namespace

AwaitSampler::Known AwaitSampler::make(const python::Task& task, bool full) {
  model::AwaitSite site;
  site.coroutine = full ? "[other awaits]" : task.coroutine;
  if (!full) site.place = own_place(task);
  if (!full) site.awaits = text_of(task.waits_for);
  Known known{.site = sites_.site(site), .stack = 0};
  if (stacks_) {
    model::AwaitSite stack;
    stack.coroutine = full ? "[other stacks]" : folded(task, task.waits_for);
    frames_.try_emplace(stack.coroutine, full ? std::vector{model::mark_frame("other stacks")} : frames_of(task));
    known.stack = by_stack_.site(stack);
  }
  if (!full) made_.push_back({.site = site, .number = known, .clear = clearness(task.waits_for)});
  return known;
}

AwaitSampler::Known AwaitSampler::find(const python::Task& task, std::uint64_t hash) {
  if (chains_.size() >= kMaxChains && !chains_.contains(hash)) return make(task, true);
  auto& chain = chains_[hash];
  const int clear = clearness(task.waits_for);
  if (clear < chain.clearest) return chain.latest;
  std::size_t wait = 0;
  hash_into(wait, task.waits_for.kind);
  hash_into(wait, task.waits_for.call);
  const auto at = chain.by_wait.find(wait);
  const auto known = at != chain.by_wait.end() ? at->second : make(task, false);
  if (at == chain.by_wait.end()) chain.by_wait.emplace(wait, known);
  if (chain.clearest >= 0 && chain.clearest < clear) {
    sites_.merge(chain.latest.site, known.site);
    if (stacks_) by_stack_.merge(chain.latest.stack, known.stack);
  }
  chain.clearest = clear;
  chain.latest = known;
  return known;
}

model::WeightedStacks AwaitSampler::weighted_stacks() const {
  model::WeightedStacks stacks("waited", "awaits", model::WeightedStacks::Unit::nanoseconds);
  for (const auto& row : by_stack_.rows()) {
    const auto frames = frames_.find(row.site.coroutine);
    if (frames != frames_.end()) stacks.add(frames->second, row.total_ns, row.count);
  }
  return stacks;
}

void AwaitSampler::settle() {
  std::map<std::tuple<std::string, std::string, std::string, std::uint32_t>, const Made*> clearest;
  const auto key = [](const Made& made) {
    const auto& place = made.site.place;
    return std::tuple(made.site.coroutine, place.function, place.file, place.line);
  };
  for (const auto& made : made_) {
    auto& best = clearest[key(made)];
    if (best == nullptr || best->clear < made.clear) best = &made;
  }
  for (const auto& made : made_) {
    const auto* best = clearest[key(made)];
    if (made.clear == best->clear) continue;
    sites_.merge(made.number.site, best->number.site);
    if (stacks_) by_stack_.merge(made.number.stack, best->number.stack);
  }
}

// In the same await while it is at the same place and waits for the same object. Only its end distinguishes a sleep
// from the next one at the same place: freed memory is used again at once, and a task that goes on while it is read
// shows the end of one with the future of another. But a snapshot can miss the timer of a sleep that begins or ends
// just then: an end that is not known is ignored.
AwaitSampler::Standing AwaitSampler::stands(const python::Task& task, std::uint64_t chain,
                                            std::uint64_t taken_ns) const {
  Standing now{.place = hash_of_place(task, chain), .object = task.waits_for.object, .end_ns = {}, .await = 0};
  if (task.waits_for.left_ns) now.end_ns = taken_ns + static_cast<std::uint64_t>(*task.waits_for.left_ns);
  const auto found = standing_.find(task.object);
  if (found == standing_.end() || found->second.place != now.place) return now;
  const auto& before = found->second;
  if (is_its_turn(task)) return before;
  const bool same = before.end_ns && now.end_ns ? before.end_ns == now.end_ns : before.object == now.object;
  if (!same) return now;
  now.await = before.await;
  if (!now.end_ns) now.end_ns = before.end_ns;
  return now;
}

AwaitSampler::Seen AwaitSampler::see(const python::Task& task, std::uint64_t taken_ns) const {
  if (!suspended(task) || !matches(task, match_)) return {};
  const auto chain = hash_of_chain(task) | 1;
  const auto standing = stands(task, chain, taken_ns);
  const bool stayed = standing.await != 0;
  return {.chain = chain, .standing = standing, .sure = stayed};
}

// By address, so that no order of names decides who is read again where there is no time for all.
std::vector<std::size_t> AwaitSampler::moved_in(const python::TaskSnapshot& snapshot, const std::vector<Seen>& seen) {
  std::vector<std::size_t> moved;
  for (std::size_t i = 0; i < seen.size(); i++)
    if (seen[i].chain != 0 && !seen[i].sure) moved.push_back(i);
  std::ranges::sort(moved, {}, [&snapshot](std::size_t i) { return snapshot.tasks[i].object; });
  return moved;
}

std::vector<AwaitSampler::Seen> AwaitSampler::see_all(python::TaskSnapshot& snapshot,
                                                      const ReadAgain& read_again) const {
  std::vector<Seen> seen;
  seen.reserve(snapshot.tasks.size());
  for (const auto& task : snapshot.tasks) seen.push_back(see(task, snapshot.taken_ns));
  const auto moved = moved_in(snapshot, seen);
  const auto begin_ns = monotonic_ns();
  const auto time_ns = snapshots_ == 0 ? kFirstAgainNs
                                       : kMinAgainNs + snapshot.read_ns - std::min(snapshot.read_ns, snapshot.taken_ns);
  for (std::size_t at = 0; at < moved.size() && monotonic_ns() - begin_ns < time_ns; at += kAgainAtOnce) {
    const auto some = std::span(moved).subspan(at, std::min(kAgainAtOnce, moved.size() - at));
    std::vector<const python::Task*> tasks;
    for (const auto i : some) tasks.push_back(&snapshot.tasks[i]);
    auto again = read_again(tasks, snapshot.taken_ns);
    for (std::size_t k = 0; k < some.size(); k++) {
      auto& now = seen[some[k]];
      now = {};
      if (!again[k]) continue;
      auto& task = snapshot.tasks[some[k]];
      task = std::move(*again[k]);
      now = see(task, snapshot.taken_ns);
      // A task that goes on just then can look twice as if it waited for something unknown.
      now.sure = now.sure || task.waits_for.kind != python::WaitKind::unknown;
    }
  }
  if (!moved.empty()) snapshot.read_ns = std::max(snapshot.read_ns, monotonic_ns());
  return seen;
}

void AwaitSampler::add(python::TaskSnapshot snapshot, const ReadAgain& read_again) {
  const auto all = see_all(snapshot, read_again);
  std::vector<model::AwaitSeen> seen, by_stack;
  std::unordered_map<std::uint64_t, Standing> standing;
  seen.reserve(snapshot.tasks.size());
  for (std::size_t i = 0; i < all.size(); i++) {
    if (all[i].chain == 0) continue;
    const auto& task = snapshot.tasks[i];
    auto now = all[i].standing;
    if (now.await == 0) now.await = ++awaits_;
    standing.insert_or_assign(task.object, now);
    // One that was read while it went on can show a chain that never was: it makes no site of its own.
    if (!all[i].sure && !chains_.contains(all[i].chain)) {
      left_out_++;
      continue;
    }
    const auto known = find(task, all[i].chain);
    seen.push_back({.task = task.object, .await = now.await, .site = known.site});
    if (stacks_) by_stack.push_back({.task = task.object, .await = now.await, .site = known.stack});
  }
  standing_ = std::move(standing);
  snapshots_++;
  last_tasks_ = seen.size();
  most_tasks_ = std::max(most_tasks_, last_tasks_);
  sites_.add_snapshot(snapshot.taken_ns, snapshot.read_ns, seen);
  if (stacks_) by_stack_.add_snapshot(snapshot.taken_ns, snapshot.read_ns, by_stack);
}

}  // namespace aiotrace::app
