#include "python/suspects.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "python/loops.h"
#include "python/objects.h"
#include "python/wake_up.h"

namespace aiotrace::python {
namespace {

using Kind = Suspect::Kind;
using State = CoroutineState;
using End = AwaitGraph::Link::End;

constexpr std::uint64_t kMaxSlots = 1024;
// Places told apart: each keeps a whole chain.
constexpr std::size_t kMaxPlaces = 2000;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 12) + (hash >> 4);
  hash *= 0xff51afd7ed558ccd;
  return hash ^ hash >> 33;
}

/// Why a task that waits is no leak, by the asyncio function that it waits in.
enum class Wait : std::uint8_t { unknown, timed, others, idle };

Wait wait_in(const CodeInfo& code) {
  const std::string_view file = code.file;
  const std::string_view name = std::string_view(code.function).substr(code.function.rfind('.') + 1);
  const auto in = [file](std::string_view part) { return file.ends_with(part); };
  // Lib/asyncio: tasks.py sleep, wait_for (its own timer before 3.12, timeouts.timeout since); wait, gather and task
  // groups end when other tasks do.
  if (in("asyncio/tasks.py")) {
    if (name == "sleep" || name == "wait_for") return Wait::timed;
    if (name == "_wait" || name == "wait" || name == "_wait_for_one") return Wait::others;
    return Wait::unknown;
  }
  if (in("asyncio/taskgroups.py")) return Wait::others;
  // What a server or a worker does all day: somebody outside may come at any time.
  if (in("asyncio/base_events.py") && name == "serve_forever") return Wait::idle;
  if (in("asyncio/queues.py") || in("asyncio/streams.py") || in("asyncio/selector_events.py")) return Wait::idle;
  if (in("aiohttp/web_protocol.py") && name == "start") return Wait::idle;
  // A connection on which the other side says nothing: requests' bodies, WebSockets.
  if (in("aiohttp/streams.py") || in("aiohttp/web_ws.py") || in("aiohttp/client_ws.py")) return Wait::idle;
  return Wait::unknown;
}

/// Local variables of a frame, without its stack: 0 when they cannot be told.
std::uint64_t slots(const ObjectReader& reader, const Stepped& of) {
  const auto& bpf = reader.interpreter().layout.bpf;
  const auto& memory = reader.memory();
  if (bpf.gen_iframe != kNoOffset) {  // co_nlocalsplus
    const auto locals = memory.read<std::int32_t>(of.code + bpf.code_firstlineno + 4);
    return locals && *locals > 0 ? static_cast<std::uint64_t>(*locals) : 0;
  }
  const auto stack = memory.read<std::uint64_t>(of.frame + reader.interpreter().layout.user.frame_valuestack);
  const std::uint64_t first = of.frame + bpf.frame_localsplus;
  return stack && *stack > first && *stack - first < std::uint64_t{8} * 65536 ? (*stack - first) / 8 : 0;
}

/// Local variables and stack of a suspended frame up to the stack's top.
std::uint64_t stack_end(const ObjectReader& reader, const Stepped& of) {
  const auto& [bpf, user] = reader.interpreter().layout;
  const auto& memory = reader.memory();
  const std::uint64_t base = of.frame + bpf.frame_localsplus;
  constexpr std::uint32_t kPython310 = 0x030a0000;
  constexpr std::uint32_t kPython311 = 0x030b0000;
  if (bpf.version < kPython310 || (bpf.flags & PY_TAGGED_REFS) != 0) {  // f_stacktop, stackpointer
    const auto top = memory.read<std::uint64_t>(of.frame + user.frame_stacktop);
    return top && *top > base ? (*top - base) / 8 : 0;
  }
  const auto depth = memory.read<std::int32_t>(of.frame + user.frame_stacktop);
  if (!depth || *depth < 0) return 0;
  return static_cast<std::uint64_t>(*depth) + (bpf.version < kPython311 ? slots(reader, of) : 0);
}

/// The values that a frame that has not begun holds are its arguments: they tell it from another one at its address.
std::uint64_t arguments(const ObjectReader& reader, const Stepped& of) {
  const auto& bpf = reader.interpreter().layout.bpf;
  std::uint64_t hash = 1;
  if (of.frame == 0) return hash;
  const auto count = std::min<std::uint64_t>(slots(reader, of), 12);
  for (std::uint64_t i = 0; i < count; ++i) {
    hash = mix(hash, reader.memory().read<std::uint64_t>(of.frame + bpf.frame_localsplus + 8 * i).value_or(0));
  }
  return hash;
}

std::uint64_t fingerprint_of(std::uint64_t seed, const std::vector<const Stepped*>& chain) {
  for (const Stepped* each : chain) {
    seed = mix(mix(mix(seed, each->object), each->code), static_cast<std::uint64_t>(each->lasti));
  }
  return seed;
}

/// True if the coroutine is awaited after all, by the task that its future wakes.
bool goes_on(const ObjectReader& reader, const AwaitGraph& graph, std::uint64_t coroutine, std::uint64_t future) {
  const auto task = woken_by(reader, future);
  const Stepped* root = task ? graph.at(task->coroutine) : nullptr;
  if (root == nullptr || root->state != State::suspended) return false;
  AwaitGraph::Link end;
  return std::ranges::any_of(graph.chain(*root, end), [&](const Stepped* each) { return each->object == coroutine; });
}

class Finder {
 public:
  Finder(const ObjectReader& reader, const Census& census, CodeCache& codes, bool foreign_scheduler)
      : reader_(reader),
        census_(census),
        codes_(codes),
        graph_(reader, census),
        foreign_scheduler_(foreign_scheduler) {}

  Suspects run() {
    for (const Future& future : census_.futures) {
      if (!future.task) continue;
      tasks_.insert(future.address);
      roots_.insert(future.coroutine);
      // A task that has ended holds nothing up, and a coroutine that it left suspended is nobody's.
      if (future.pending && future.coroutine != 0) mark(future.coroutine);
    }
    for (const auto& [address, stepped] : census_.stepped) {
      if (stepped.state == State::running) mark(address);
    }
    for (const auto& [address, stepped] : census_.stepped) {
      if (stepped.state != State::suspended || marked_.contains(address)) continue;
      // Through plain generators to the next that the census knows.
      Link end;
      const auto chain = graph_.chain(stepped, end);
      for (std::size_t i = 1; i < chain.size(); ++i) awaited_.insert(chain[i]->object);
    }
    look_at_queues();
    look_at_coroutines();
    look_at_async_generators();
    for (const Future& future : census_.futures) {
      if (future.unread) unread(future);
      if (future.task && future.pending && future.waits_for != 0) waiting(future);
    }
    return std::move(found_);
  }

 private:
  using Link = AwaitGraph::Link;

  void mark(std::uint64_t address) {
    const Stepped* at = graph_.at(address);
    while (at != nullptr && marked_.insert(at->object).second) {
      const Link link = graph_.follow(*at);
      if (link.end == End::unknown) mark_held_by(link.object);
      at = link.end == End::more ? link.next : nullptr;
    }
  }

  /// An awaitable of a class that is not known can hold the coroutine that goes on below it: a Cython coroutine does,
  /// and an iterator that passes on what it is sent. Only its own fields say so: what lies behind it, or in what has
  /// been freed, is anything.
  void mark_held_by(std::uint64_t object) {
    constexpr std::int64_t kMostBytes = 256;
    const Objects objects(reader_.memory(), reader_.interpreter().layout);
    if (object == 0 || depth_ > 16 || reader_.coroutines().kind_of(object) != AwaitableKind::other) return;
    const auto type = objects.referenced(object) ? objects.type_of(object) : std::nullopt;
    const auto size = type ? objects.basicsize(*type) : std::nullopt;
    if (!size) return;
    // Kept apart from the attributes, of which a hostile object can have very many, while the chains are followed.
    constexpr std::size_t kMostHeld = 4096;
    std::vector<std::uint64_t> held;
    const auto take = [&](std::uint64_t word) {
      if (held.size() < kMostHeld && census_.stepped.contains(word)) held.push_back(word);
    };
    const std::int64_t head = reader_.interpreter().layout.bpf.obj_type + 8;
    for (std::int64_t at = head; at + 8 <= std::min(*size, kMostBytes); at += 8) {
      const auto word = reader_.memory().read<std::uint64_t>(object + static_cast<std::uint64_t>(at));
      if (!word) break;
      take(*word);
    }
    if (const auto attributes = objects.attributes(object)) {
      for (const auto& entry : *attributes) take(entry.value);
    }
    ++depth_;
    for (const std::uint64_t each : held) mark(each);
    --depth_;
  }

  void add(Kind kind, std::uint64_t address, std::uint64_t bytes, std::uint64_t seed,
           const std::vector<const Stepped*>& chain, bool idle = false, std::uint64_t exception = 0,
           std::uint64_t place = 0) {
    place = mix(place, static_cast<std::uint64_t>(kind));
    for (const Stepped* each : chain) {
      place = mix(mix(place, each->code), static_cast<std::uint64_t>(each->lasti));
    }
    if (kind == Kind::unread_exception && !chain.empty()) place = mix(place, chain.front()->code);
    // Beyond that all are one place without an example.
    if (found_.places.size() >= kMaxPlaces && !found_.places.contains(place)) place = 0;
    auto& example = found_.places[place];
    if (place != 0 && example.chain.empty()) {
      for (const Stepped* each : chain) example.chain.push_back(*each);
    }
    found_.all.push_back({.kind = kind,
                          .idle = idle,
                          .address = address,
                          .fingerprint = fingerprint_of(seed, chain),
                          .bytes = bytes,
                          .exception = exception,
                          .place = place});
  }

  /// What was given to a loop that has not come to it yet, because something blocks it: it will be awaited.
  void look_at_queues() {
    constexpr std::size_t kMaxLoops = 256;
    std::unordered_set<std::uint64_t> loops;
    for (const Future& future : census_.futures) {
      if (loops.size() < kMaxLoops) loops.insert(future.loop);
    }
    const Objects objects(reader_.memory(), reader_.interpreter().layout);
    for (const std::uint64_t loop : loops) {
      for (const std::uint64_t object : handed_over(objects, read_loop(objects, loop))) {
        if (census_.stepped.contains(object)) mark(object);
      }
    }
  }

  void look_at_coroutines() {
    for (const auto& [address, coroutine] : census_.stepped) {
      if (coroutine.kind != CoroutineKind::coroutine || marked_.contains(address) || awaited_.contains(address))
        continue;
      if (coroutine.state == State::created && !roots_.contains(address)) {
        add(Kind::never_awaited, address, coroutine.bytes, arguments(reader_, coroutine), {&coroutine});
      } else if (coroutine.state == State::suspended) {
        Link end;
        const auto chain = graph_.chain(coroutine, end);
        std::uint64_t bytes = 0;
        for (const Stepped* each : chain) bytes += each->bytes;
        if (end.end == End::future && goes_on(reader_, graph_, address, end.object)) continue;
        if (end.end == End::future || (end.end == End::yield && !foreign_scheduler_)) {
          add(Kind::orphaned, address, bytes, end.object, chain);
        } else {
          ++found_.untold;
        }
      }
    }
  }

  /// A generator on the stack of a frame is the iterator of an `async for` there: between two of its values its
  /// consumer is at work.
  std::unordered_set<std::uint64_t> iterated(State by) const {
    const auto& bpf = reader_.interpreter().layout.bpf;
    const std::uint64_t mask = bpf.flags & PY_TAGGED_REFS ? ~std::uint64_t{3} : ~std::uint64_t{0};
    std::unordered_set<std::uint64_t> found;
    for (const auto& [address, of] : census_.stepped) {
      if (of.frame == 0 || of.state != by) continue;
      const std::uint64_t first = slots(reader_, of);
      // Behind the top of a stack lies what was there before. A frame that runs does not keep its top up to date.
      const std::uint64_t end = of.state == State::suspended ? stack_end(reader_, of) : of.bytes / 8;
      for (std::uint64_t i = first; i < std::min(end, first + kMaxSlots); ++i) {
        const auto word = reader_.memory().read<std::uint64_t>(of.frame + bpf.frame_localsplus + 8 * i);
        if (!word) break;
        const auto at = census_.stepped.find(*word & mask);
        if (at != census_.stepped.end() && at->second.kind == CoroutineKind::async_generator && at->first != address) {
          found.insert(at->first);
        }
      }
    }
    return found;
  }

  void look_at_async_generators() {
    std::vector<const Stepped*> left;
    for (const auto& [address, generator] : census_.stepped) {
      if (generator.kind != CoroutineKind::async_generator || generator.state != State::suspended) continue;
      if (marked_.contains(address) || awaited_.contains(address)) continue;
      if (!census_.managed_generators.contains(address)) left.push_back(&generator);
    }
    if (left.empty()) return;
    const auto in_use = iterated(State::suspended);
    const auto maybe = iterated(State::running);
    for (const Stepped* generator : left) {
      if (in_use.contains(generator->object)) continue;
      add(Kind::async_generator, generator->object, generator->bytes, arguments(reader_, *generator), {generator});
      found_.all.back().doubtful = maybe.contains(generator->object);
    }
  }

  void unread(const Future& future) {
    std::vector<const Stepped*> chain;
    if (const Stepped* root = future.coroutine != 0 ? graph_.at(future.coroutine) : nullptr) chain.push_back(root);
    std::uint64_t kind = 0;
    for (const char c : reader_.type_name(future.exception)) kind = mix(kind, static_cast<unsigned char>(c));
    add(Kind::unread_exception, future.address, chain.empty() ? 0 : chain.front()->bytes, future.exception, chain,
        false, future.exception, kind);
  }

  /// The name of the function that a future calls first when it is done.
  std::string callback_of(const Future& future) const {
    const std::string& type = reader_.type_name(future.callback);
    if (type != "function") return type;
    // Where a function object has its code moved between versions: it is among the first words.
    for (std::uint64_t at = 16; at < 96; at += 8) {
      const auto word = reader_.memory().pointer(future.callback + at);
      if (!word || reader_.type_name(*word) != "code") continue;
      const auto code = codes_.find(*word);
      return code != nullptr ? code->function : "";
    }
    return {};
  }

  [[nodiscard]] bool loop_closed(std::uint64_t loop) {
    const auto [entry, fresh] = closed_.try_emplace(loop, false);
    if (fresh) {
      const Objects objects(reader_.memory(), reader_.interpreter().layout);
      const auto closed = objects.attribute(loop, "_closed");
      entry->second = closed && reader_.type_name(*closed) == "bool" && objects.unsigned_int(*closed) == 1;
    }
    return entry->second;
  }

  void waiting(const Future& task) {
    const Stepped* root = graph_.at(task.coroutine);
    if (root == nullptr || root->state != State::suspended) return;
    Link end;
    const auto chain = graph_.chain(*root, end);
    std::uint64_t bytes = 0;
    for (const Stepped* each : chain) bytes += each->bytes;
    if (loop_closed(task.loop)) {
      add(Kind::orphaned, task.address, bytes, task.waits_for, chain);
      return;
    }
    if (end.end != End::future || end.object != task.waits_for || tasks_.contains(task.waits_for)) return;
    if (census_.timed_tasks.contains(task.address)) return;
    bool idle = false;
    for (const Stepped* each : chain) {
      const auto code = codes_.find(each->code);
      if (code == nullptr) return;
      const Wait wait = wait_in(*code);
      if (wait == Wait::timed || wait == Wait::others) return;
      idle = idle || wait == Wait::idle;
    }
    if (reader_.type_name(task.waits_for) == "_GatheringFuture") return;
    const auto waited = reader_.future(task.waits_for, false);
    if (!waited || !waited->pending) return;
    // shield()'s outer future waits for the task inside; the program's own task ends with the program.
    const std::string wakes = callback_of(*waited);
    if (wakes.ends_with("_outer_done_callback")) return;
    // Lib/asyncio/futures.py, _chain_future: the work is at a thread, or at another loop, which goes on with it.
    if (wakes.ends_with("_call_check_cancel")) idle = true;
    const std::string callback = callback_of(task);
    if (callback.ends_with("_run_until_complete_cb") || callback.find("cython_function") != std::string::npos) return;
    add(Kind::stuck, task.address, bytes, task.waits_for, chain, idle);
  }

  const ObjectReader& reader_;
  const Census& census_;
  CodeCache& codes_;
  AwaitGraph graph_;
  const bool foreign_scheduler_;
  Suspects found_;
  unsigned depth_ = 0;
  std::unordered_set<std::uint64_t> tasks_;    // every task
  std::unordered_set<std::uint64_t> roots_;    // the coroutine of every task
  std::unordered_set<std::uint64_t> marked_;   // somebody will go on with it
  std::unordered_set<std::uint64_t> awaited_;  // of a chain that nobody goes on with, all but the outermost
  std::unordered_map<std::uint64_t, bool> closed_;
};

}  // namespace

bool still_suspect(const ObjectReader& reader, const Suspect& suspect) {
  const Census nothing;
  const AwaitGraph graph(reader, nothing);
  AwaitGraph::Link end;
  const auto same = [&](std::uint64_t seed, const std::vector<const Stepped*>& chain) {
    return fingerprint_of(seed, chain) == suspect.fingerprint;
  };
  switch (suspect.kind) {
    case Kind::never_awaited: {
      const auto now = reader.stepped(suspect.address);
      return now && now->kind == CoroutineKind::coroutine && now->state == State::created &&
             same(arguments(reader, *now), {&*now});
    }
    case Kind::async_generator: {
      const auto now = reader.stepped(suspect.address);
      return now && now->kind == CoroutineKind::async_generator && now->state == State::suspended &&
             same(arguments(reader, *now), {&*now});
    }
    case Kind::unread_exception: {
      const auto now = reader.future(suspect.address, false);
      return now && now->unread && now->exception == suspect.exception;
    }
    case Kind::orphaned:
    case Kind::stuck: break;
  }
  const Stepped* first = graph.at(suspect.address);
  std::uint64_t seed = 0;
  if (first == nullptr) {
    const auto task = reader.future(suspect.address, true);
    if (!task || !task->pending || task->coroutine == 0) return false;
    first = graph.at(task->coroutine);
    seed = task->waits_for;
  }
  if (first == nullptr || first->state != State::suspended) return false;
  const auto chain = graph.chain(*first, end);
  if (suspect.kind == Kind::orphaned && seed == 0 && goes_on(reader, graph, suspect.address, end.object)) return false;
  return same(seed != 0 ? seed : end.object, chain);
}

Suspects find_suspects(const ObjectReader& reader, const Census& census, CodeCache& codes, bool foreign_scheduler) {
  return Finder(reader, census, codes, foreign_scheduler).run();
}

}  // namespace aiotrace::python
