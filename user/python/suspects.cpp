#include "python/suspects.h"

#include <algorithm>
#include <unordered_set>

#include "python/census_chains.h"
#include "python/code_names.h"
#include "python/foreign_awaitables.h"
#include "python/frame_slots.h"
#include "python/loops.h"
#include "python/waits.h"
#include "python/wake_up.h"
#include "util/hash.h"

namespace aiotrace::python {
namespace {

using Kind = Suspect::Kind;
using State = CoroutineState;
using End = AwaitChain::End;
using To = AwaitStep::To;

constexpr std::uint64_t kMaxSlots = 1024;
// Each place keeps a whole chain.
constexpr std::size_t kMaxPlaces = 2000;

/// In a frame that has not begun, the values are its arguments: they distinguish it from another frame at the same
/// address.
std::uint64_t arguments(const AsyncioReader& reader, const Coroutine& of) {
  const auto& bpf = reader.interpreter().layout.bpf;
  std::size_t hash = 1;
  if (of.frame == 0) return hash;
  const auto count = std::min<std::uint64_t>(variable_slots(reader, of), 12);
  for (std::uint64_t i = 0; i < count; ++i) {
    hash_into(hash, reader.memory().read<std::uint64_t>(of.frame + bpf.frame_localsplus + 8 * i).value_or(0));
  }
  return hash;
}

std::uint64_t fingerprint_of(std::uint64_t seed, const std::vector<Coroutine>& chain) {
  for (const Coroutine& each : chain) {
    hash_into(seed, each.object);
    hash_into(seed, each.code);
    hash_into(seed, each.lasti);
  }
  return seed;
}

/// True if the coroutine is awaited after all, by the task that is woken by its future.
bool goes_on(AsyncioReader& reader, CensusChains& chains, std::uint64_t coroutine, std::uint64_t future) {
  const auto task = woken_by(reader, future);
  if (!task) return false;
  const auto links = chains.chain(task->coroutine).links;
  return !links.empty() && links.front().state == State::suspended &&
         std::ranges::find(links, coroutine, &Coroutine::object) != links.end();
}

class Finder {
 public:
  Finder(AsyncioReader& reader, const Census& census, bool foreign_scheduler)
      : reader_(reader),
        census_(census),
        chains_(reader, census),
        waits_(reader),
        names_(reader),
        foreign_scheduler_(foreign_scheduler) {}

  Suspects run() {
    for (const FutureFields& future : census_.futures) {
      if (!future.task) continue;
      roots_.insert(future.coroutine);
      // A finished task delays nothing, and nobody resumes a coroutine that it left suspended.
      if (future.pending() && future.coroutine != 0) mark(future.coroutine);
    }
    for (const auto& [address, coroutine] : census_.coroutines) {
      if (coroutine.state == State::running) mark(address);
    }
    for (const auto& [address, coroutine] : census_.coroutines) {
      if (coroutine.state != State::suspended || marked_.contains(address)) continue;
      // Follows plain generators to the next coroutine that the census knows.
      const auto links = chains_.chain(address).links;
      for (std::size_t i = 1; i < links.size(); ++i) awaited_.insert(links[i].object);
    }
    look_at_queues();
    look_at_coroutines();
    look_at_async_generators();
    for (const FutureFields& future : census_.futures) {
      if (future.exception_unread) unread(future);
      if (future.task && future.pending() && future.waiter != 0) waiting(future);
    }
    return std::move(found_);
  }

 private:
  void mark(std::uint64_t address) {
    const HeapCoroutine* at = chains_.find(address);
    if (at == nullptr) mark_held_by(address);
    while (at != nullptr && marked_.insert(at->object).second) {
      const AwaitStep step = reader_.follow(*at);
      if (step.to == To::unknown) mark_held_by(step.object);
      at = step.to == To::coroutine ? chains_.find(step.object) : nullptr;
    }
  }

  /// An awaitable of an unknown class can resume a coroutine: those of Cython, mypyc or Nuitka do, and an iterator that
  /// forwards the values that it is sent. Coroutines in its own fields are marked.
  void mark_held_by(std::uint64_t object) {
    if (depth_ > 16 || !foreign_.insert(object).second) return;
    ++depth_;
    for (const std::uint64_t each : coroutines_behind(reader_, object)) {
      if (census_.coroutines.contains(each)) mark(each);
    }
    --depth_;
  }

  void add(Kind kind, std::uint64_t address, std::uint64_t bytes, std::uint64_t seed,
           const std::vector<Coroutine>& chain, bool idle = false, std::uint64_t exception = 0,
           std::uint64_t place = 0) {
    hash_into(place, kind);
    for (const Coroutine& each : chain) {
      hash_into(place, each.code);
      hash_into(place, each.lasti);
    }
    if (kind == Kind::unread_exception && !chain.empty()) hash_into(place, chain.front().code);
    // Beyond this limit all share one place without an example.
    if (found_.places.size() >= kMaxPlaces && !found_.places.contains(place)) place = 0;
    auto& example = found_.places[place];
    if (place != 0 && example.chain.empty()) example.chain = chain;
    found_.all.push_back({.kind = kind,
                          .idle = idle,
                          .address = address,
                          .fingerprint = fingerprint_of(seed, chain),
                          .bytes = bytes,
                          .exception = exception,
                          .place = place});
  }

  /// Coroutines that were passed to a loop which has not run them yet because something blocks it: they will be
  /// awaited.
  void look_at_queues() {
    constexpr std::size_t kMaxLoops = 256;
    std::unordered_set<std::uint64_t> loops;
    for (const FutureFields& future : census_.futures) {
      if (loops.size() < kMaxLoops) loops.insert(future.loop);
    }
    const Objects& objects = reader_.objects();
    for (const std::uint64_t loop : loops) {
      for (const std::uint64_t object : handed_over(objects, read_loop(objects, loop))) {
        if (census_.coroutines.contains(object)) mark(object);
      }
    }
  }

  void look_at_coroutines() {
    for (const auto& [address, coroutine] : census_.coroutines) {
      if (coroutine.kind != CoroutineKind::coroutine || marked_.contains(address) || awaited_.contains(address))
        continue;
      if (coroutine.state == State::created && !roots_.contains(address)) {
        add(Kind::never_awaited, address, coroutine.bytes, arguments(reader_, coroutine), {coroutine});
      } else if (coroutine.state == State::suspended) {
        const auto chain = chains_.chain(address);
        if (chain.end == End::future && goes_on(reader_, chains_, address, chain.target)) continue;
        if (chain.end == End::future || (chain.end == End::turn && !foreign_scheduler_)) {
          add(Kind::orphaned, address, chains_.bytes_of(chain), chain.target, chain.links);
        } else {
          ++found_.unclassified;
        }
      }
    }
  }

  /// A generator on the stack of a frame is the iterator of an `async for` there: between two of its values its
  /// consumer runs.
  std::unordered_set<std::uint64_t> iterated(State by) {
    const auto& bpf = reader_.interpreter().layout.bpf;
    const std::uint64_t mask = bpf.flags & PY_TAGGED_REFS ? ~std::uint64_t{3} : ~std::uint64_t{0};
    std::unordered_set<std::uint64_t> found;
    for (const auto& [address, of] : census_.coroutines) {
      if (of.frame == 0 || of.state != by) continue;
      const std::uint64_t first = variable_slots(reader_, of);
      // Above the top of a stack there are old values. A running frame does not keep its stack pointer up to date.
      const std::uint64_t end = of.state == State::suspended ? used_slots(reader_, of) : of.bytes / 8;
      for (std::uint64_t i = first; i < std::min(end, first + kMaxSlots); ++i) {
        const auto word = reader_.memory().read<std::uint64_t>(of.frame + bpf.frame_localsplus + 8 * i);
        if (!word) break;
        const auto at = census_.coroutines.find(*word & mask);
        if (at != census_.coroutines.end() && at->second.kind == CoroutineKind::async_generator &&
            at->first != address) {
          found.insert(at->first);
        }
      }
    }
    return found;
  }

  void look_at_async_generators() {
    std::vector<const HeapCoroutine*> left;
    for (const auto& [address, generator] : census_.coroutines) {
      if (generator.kind != CoroutineKind::async_generator || generator.state != State::suspended) continue;
      if (marked_.contains(address) || awaited_.contains(address)) continue;
      if (!census_.managed_generators.contains(address)) left.push_back(&generator);
    }
    if (left.empty()) return;
    const auto in_use = iterated(State::suspended);
    const auto maybe = iterated(State::running);
    for (const HeapCoroutine* generator : left) {
      if (in_use.contains(generator->object)) continue;
      add(Kind::async_generator, generator->object, generator->bytes, arguments(reader_, *generator), {*generator});
      found_.all.back().doubtful = maybe.contains(generator->object);
      found_.all.back().idle = waits_for_its_end(*generator);
    }
    // One cleans up after a loop; several of one place are streams that nobody finishes.
    std::unordered_map<std::uint64_t, unsigned> of_place;
    for (const Suspect& each : found_.all) of_place[each.place] += each.kind == Suspect::Kind::async_generator ? 1 : 0;
    for (Suspect& each : found_.all) {
      if (each.kind == Suspect::Kind::async_generator && of_place[each.place] > 1) each.idle = false;
    }
  }

  // Its code names GeneratorExit: it is kept on purpose, until shutdown_asyncgens() closes it when the loop ends.
  bool waits_for_its_end(const Coroutine& generator) {
    return std::ranges::any_of(names_.names(generator.code),
                               [this](std::uint64_t name) { return names_.text(name) == "GeneratorExit"; });
  }

  void unread(const FutureFields& future) {
    std::vector<Coroutine> chain;
    const HeapCoroutine* root = future.coroutine != 0 ? chains_.find(future.coroutine) : nullptr;
    if (root != nullptr) chain.push_back(*root);
    std::uint64_t kind = 0;
    hash_into(kind, std::string(reader_.type_name(future.exception)));
    add(Kind::unread_exception, future.object, root == nullptr ? 0 : root->bytes, future.exception, chain, false,
        future.exception, kind);
  }

  [[nodiscard]] bool loop_closed(std::uint64_t loop) {
    const auto [entry, fresh] = closed_.try_emplace(loop, false);
    if (fresh) {
      const Objects& objects = reader_.objects();
      const auto closed = objects.attribute(loop, "_closed");
      entry->second = closed && reader_.type_name(*closed) == "bool" && objects.unsigned_int(*closed) == 1;
    }
    return entry->second;
  }

  void waiting(const FutureFields& task) {
    const auto chain = chains_.chain(task.coroutine);
    if (chain.links.empty() || (chain.end == End::unknown && !loop_closed(task.loop))) {
      // Only uses data that the future has too, because the coroutine of a freed task can be any object.
      const auto woken = census_.timed_tasks.contains(task.object) ? std::nullopt : woken_by(reader_, task.waiter);
      if (woken && woken->object == task.object) ++found_.unclassified;
      return;
    }
    if (chain.links.front().state != State::suspended) return;
    const auto bytes = chains_.bytes_of(chain);
    if (loop_closed(task.loop)) {
      add(Kind::orphaned, task.object, bytes, task.waiter, chain.links);
      return;
    }
    if (chain.end != End::future || chain.target != task.waiter || census_.timed_tasks.contains(task.object)) return;
    const bool readable = std::ranges::all_of(chain.links, [this](const Coroutine& link) {
      return reader_.codes().find(link.code) != nullptr;
    });
    if (!readable) return;
    const WaitEnd end = waits_.end_of(task, chain);
    if (end != WaitEnd::unknown && end != WaitEnd::outside) return;
    add(Kind::stuck, task.object, bytes, task.waiter, chain.links, end == WaitEnd::outside);
    const auto waited = waits_.awaited_object(task, chain);
    found_.all.back().wait = waited.kind;
    found_.all.back().waits_for = waited.object;
  }

  AsyncioReader& reader_;
  const Census& census_;
  CensusChains chains_;
  WaitReader waits_;
  CodeNames names_;
  const bool foreign_scheduler_;
  Suspects found_;
  unsigned depth_ = 0;
  std::unordered_set<std::uint64_t> foreign_;  // awaitables of unknown classes that were already searched
  std::unordered_set<std::uint64_t> roots_;    // the coroutine of every task
  std::unordered_set<std::uint64_t> marked_;   // somebody will resume it
  std::unordered_set<std::uint64_t> awaited_;  // of a chain that nobody resumes: all links except the outermost
  std::unordered_map<std::uint64_t, bool> closed_;
};

}  // namespace

bool still_suspect(AsyncioReader& reader, const Suspect& suspect) {
  const Census nothing;
  CensusChains chains(reader, nothing);
  const auto same = [&](std::uint64_t seed, const std::vector<Coroutine>& chain) {
    return fingerprint_of(seed, chain) == suspect.fingerprint;
  };
  switch (suspect.kind) {
    case Kind::never_awaited: {
      const auto now = reader.heap_coroutine(suspect.address);
      return now && now->kind == CoroutineKind::coroutine && now->state == State::created &&
             same(arguments(reader, *now), {*now});
    }
    case Kind::async_generator: {
      const auto now = reader.heap_coroutine(suspect.address);
      return now && now->kind == CoroutineKind::async_generator && now->state == State::suspended &&
             same(arguments(reader, *now), {*now});
    }
    case Kind::unread_exception: {
      const auto now = reader.heap_future(suspect.address);
      return now && now->exception_unread && now->exception == suspect.exception;
    }
    case Kind::orphaned:
    case Kind::stuck: break;
  }
  std::uint64_t root = suspect.address;
  std::uint64_t seed = 0;
  if (chains.find(root) == nullptr) {
    const auto task = reader.heap_future(suspect.address);
    if (!task || !task->task || !task->pending() || task->coroutine == 0) return false;
    root = task->coroutine;
    seed = task->waiter;
  }
  const auto chain = chains.chain(root);
  if (chain.links.empty() || chain.links.front().state != State::suspended) return false;
  if (suspect.kind == Kind::orphaned && seed == 0 && goes_on(reader, chains, suspect.address, chain.target))
    return false;
  return same(seed != 0 ? seed : chain.target, chain.links);
}

Suspects find_suspects(AsyncioReader& reader, const Census& census, bool foreign_scheduler) {
  return Finder(reader, census, foreign_scheduler).run();
}

}  // namespace aiotrace::python
