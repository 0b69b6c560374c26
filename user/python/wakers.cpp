#include "python/wakers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "python/census_chains.h"
#include "python/frame_slots.h"
#include "python/frames.h"
#include "python/holdings.h"
#include "python/reference_counts.h"
#include "python/referents.h"
#include "python/task_list.h"
#include "python/waits.h"

namespace aiotrace::python {
namespace {

// Instances between a callback of a loop and a future: transport and protocol, which are not counted, then the
// selector, a library's connection, a channel of it, a queue.
constexpr std::size_t kMaxInstances = 4;
constexpr std::size_t kMaxLoops = 256;
// Limit for all objects that are followed, because many lists may claim the same millions of items.
constexpr std::size_t kMaxReferences = 8'000'000;
constexpr std::size_t kMaxName = 64;

// Of the list in which a library's own lock, queue or event keeps the futures of who waits for it: `_waiters` and
// `_getters` of tornado, aiohttp and janus, `_waiting` of psycopg_pool. Whoever has the object can put, set or release.
bool names_who_waits(std::string_view attribute) {
  constexpr std::array<std::string_view, 4> kParts = {"waiter", "waiting", "getter", "putter"};
  return std::ranges::any_of(kParts, [&](auto part) { return attribute.find(part) != attribute.npos; });
}

bool is_lock(WaitKind kind) { return kind == WaitKind::lock || kind == WaitKind::semaphore; }

bool is_event(WaitKind kind) {
  return kind == WaitKind::event || kind == WaitKind::condition || kind == WaitKind::barrier;
}

class Search {
 public:
  Search(AsyncioReader& reader, const Census& census, const std::map<pid_t, PythonThread>& threads)
      : reader_(reader),
        census_(census),
        threads_(threads),
        chains_(reader, census),
        waits_(reader),
        referents_(reader),
        running_(find_running(reader.interpreter(), reader.futures(), threads)) {}

  std::unordered_map<std::uint64_t, Waker> run(const Suspects& suspects) {
    look_for(suspects);
    if (questions_.empty()) return {};
    (void)from_holders();
    if (left_ != 0) prove();
    if (left_ != 0) from_connections();
    if (left_ != 0) from_all();
    // A holder was itself in question until then.
    while (left_ != 0 && from_holders()) follow();
    if (left_ != 0) prove();
    for (auto& [object, question] : questions_) {
      const bool left_alone = question.lock && !question.may_be_held && !holders_cut_;
      if (question.kept || left_alone) decide(question, State::nobody);
    }
    return result(suspects);
  }

 private:
  enum class State : std::uint8_t { open, nobody, somebody };
  /// A question: who wakes the tasks that wait for one object?
  struct WakerQuestion {
    bool event = false;
    bool lock = false;         // or a semaphore: only who holds it wakes
    bool may_be_held = false;  // a lock: a task that goes on has it in a variable
    bool kept = false;         // by somebody who need not set it
    State state = State::open;
    std::vector<const FutureFields*> tasks;
  };

  void look_for(const Suspects& suspects) {
    std::unordered_map<std::uint64_t, const FutureFields*> tasks;
    for (const FutureFields& future : census_.futures) {
      if (loops_.size() < kMaxLoops) loops_.insert(future.loop);
      if (future.task && future.pending() && future.coroutine != 0) tasks.emplace(future.object, &future);
    }
    for (const Suspect& suspect : suspects.all) {
      if (!concerns(suspect)) continue;
      const auto task = tasks.extract(suspect.address);
      if (!task) continue;
      WakerQuestion& question = questions_[suspect.waits_for];
      question.event = is_event(suspect.wait);
      question.lock = is_lock(suspect.wait);
      locks_ = locks_ || question.lock;
      question.tasks.push_back(task.mapped());
      for (const auto& link : chains_.chain(task.mapped()->coroutine).links) in_question_.insert(link.object);
    }
    for (const auto& [address, task] : tasks) living_.push_back(task);
    left_ = questions_.size();
  }

  static bool concerns(const Suspect& suspect) {
    return suspect.kind == Suspect::Kind::stuck && !suspect.idle &&
           (is_event(suspect.wait) || is_lock(suspect.wait) || suspect.wait == WaitKind::future);
  }

  // Only the waiting tasks refer to it, and these tasks wait only for objects that nobody else has.
  void prove() {
    std::unordered_set<std::uint64_t> objects;
    for (const auto& [object, question] : questions_) {
      if (question.state == State::open) objects.insert(object);
    }
    for (std::size_t before = 0; before != objects.size();) {
      before = objects.size();
      std::vector<std::uint64_t> tasks;
      for (const std::uint64_t object : objects) {
        for (const FutureFields* task : questions_.at(object).tasks) tasks.push_back(task->object);
      }
      objects = referred_to_only_by(referents_, tasks, objects, loops_);
    }
    for (const std::uint64_t object : objects) decide(questions_.at(object), State::nobody);
  }

  // A task that goes on gives back what it is inside the `async with` block of. Goes on where it ended the last time:
  // tasks join those that go on. True: a lock has a holder that it had not before.
  bool from_holders() {
    if (!locks_) return false;
    ResourceReader resources(reader_);
    HoldingReader holdings(reader_, resources);
    constexpr std::size_t kMostFrames = 100'000;
    const std::size_t before = left_;
    for (; holders_looked_ < living_.size() && !holders_cut_; ++holders_looked_) {  // grows during the walk
      Holdings its;
      for (const Coroutine& link : chains_.chain(living_[holders_looked_]->coroutine).links) {
        holdings.read(link, its);
        note_variables(link.object);
        holders_cut_ = holders_cut_ || ++holder_frames_ > kMostFrames;
      }
      for (const std::uint64_t object : its.held) {
        const auto question = questions_.find(object);
        if (question != questions_.end() && question->second.lock) decide(question->second, State::somebody);
      }
    }
    return left_ != before;
  }

  // Who took a lock by acquire() has it in a variable, or in an attribute of one; so may others, who did not.
  void note_variables(std::uint64_t coroutine) {
    for (const std::uint64_t object : referents_.read(coroutine).objects) {
      note_lock(object);
      if (referents_.form_of(object) != ReferentForm::instance || !owners_.insert(object).second) continue;
      const auto attributes = reader_.objects().attributes(object);
      for (const auto& each : attributes.value_or(std::vector<Objects::Entry>{})) note_lock(each.value);
    }
  }

  void note_lock(std::uint64_t object) {
    const auto question = questions_.find(object);
    if (question != questions_.end() && question->second.lock) question->second.may_be_held = true;
  }

  void decide(WakerQuestion& question, State state) {
    if (question.state != State::open) return;
    question.state = state;
    --left_;
    if (state != State::somebody) return;
    for (const FutureFields* task : question.tasks) {
      for (const auto& link : chains_.chain(task->coroutine).links) in_question_.erase(link.object);
      living_.push_back(task);
      if (everything_) begin_at(task->coroutine);
    }
  }

  void begin_at(std::uint64_t object) {
    if (object != 0 && followed_.try_emplace(object, 0).second) levels_[0].push_back(object);
  }

  // The starting points: objects that a loop calls, tasks that read a connection, threads without a loop.
  void from_connections() {
    for (const std::uint64_t loop : loops_) begin_at_loop(loop);
    const auto read = readers();
    for (std::size_t i = 0; i < living_.size(); ++i) {  // grows during the walk
      const FutureFields& task = *living_[i];
      begin_at_callbacks(task);
      if (read.contains(task.object)) begin_at(task.coroutine);
    }
    begin_at_frames(false);
    follow();
  }

  void from_all() {
    everything_ = true;
    for (const std::uint64_t object : std::exchange(later_, {})) begin_at(object);
    for (const FutureFields* task : living_) begin_at(task->coroutine);
    begin_at_frames(true);
    const auto modules = reader_.memory().pointer(reader_.interpreter().main_interpreter +
                                                  reader_.interpreter().layout.user.interp_modules);
    begin_at(modules.value_or(0));
    follow();
  }

  // Transports are kept in a WeakValueDictionary: uvloop has no other list of them.
  void begin_at_loop(std::uint64_t loop) {
    if (!followed_.try_emplace(loop, 0).second) return;
    const Objects& objects = reader_.objects();
    for (const std::uint64_t object : referents_.read(loop).objects) {
      begin_at_referent(object);
      if (reader_.type_name(object) != "WeakValueDictionary") continue;
      const auto data = objects.attribute(object, "data");
      const auto entries = data ? objects.entries(*data) : std::nullopt;
      for (const auto& entry : entries.value_or(std::vector<Objects::Entry>{}))
        begin_at_referent(objects.memory().pointer(entry.value + objects.layout().user.weakref_object).value_or(0));
    }
  }

  void begin_at_referent(std::uint64_t object) {
    if (object != 0) see(object, 0, ReferentForm::leaf, 0);
  }

  void begin_at_callbacks(const FutureFields& task) {
    if (task.in_python) {
      begin_at_referent(reader_.objects().attribute(task.object, "_callbacks").value_or(0));
      return;
    }
    for (const std::uint64_t object : referents_.of_future(task.object)) {
      if (object != task.coroutine && object != task.loop) begin_at_referent(object);
    }
  }

  void begin_at_frames(bool of_loops) {
    std::unordered_set<pid_t> with_loop;
    for (const auto& [loop, tid] : running_.loops) with_loop.insert(tid);
    for (const auto& [tid, thread] : threads_) {
      if (with_loop.contains(tid) != of_loops) continue;
      for (const PythonFrame& frame : read_stack(reader_.interpreter(), reader_.memory(), thread.tstate)) {
        if (frame.at == 0) continue;
        const Coroutine of{.code = frame.code, .frame = frame.at};
        const std::uint64_t first = frame.at + reader_.interpreter().layout.bpf.frame_localsplus;
        for (const std::uint64_t object : referents_.slots(first, variable_slots(reader_, of), true))
          begin_at_referent(object);
      }
    }
  }

  // Live tasks that read a connection, and tasks that wait for one of them.
  std::unordered_set<std::uint64_t> readers() {
    constexpr std::size_t kMost = 50'000;
    std::unordered_set<std::uint64_t> found;
    std::vector<std::pair<std::uint64_t, std::vector<std::uint64_t>>> waiting;
    for (const FutureFields* task : living_) {
      if (found.size() + waiting.size() >= kMost) break;
      auto waits = waits_.read(*task, chains_.chain(task->coroutine), 0);
      if (waits.kind == WaitKind::socket)
        found.insert(task->object);
      else if (!waits.tasks.empty())
        waiting.emplace_back(task->object, std::move(waits.tasks));
    }
    for (const auto& [task, tasks] : waiting) {
      if (std::ranges::any_of(tasks, [&](std::uint64_t each) { return found.contains(each); })) found.insert(task);
    }
    return found;
  }

  Referents read(std::uint64_t object) {
    if (referents_.form_of(object) != ReferentForm::future) return referents_.read(object);
    return {.form = ReferentForm::callable, .objects = referents_.of_future(object)};
  }

  void follow() {
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      for (std::size_t i = 0; i < levels_[level].size() && left_ != 0; ++i) {
        if (followed_.size() > kMaxFollowed || references_ > kMaxReferences) break;
        const std::uint64_t object = levels_[level][i];
        const auto its = read(object);
        references_ += its.objects.size();
        for (const std::uint64_t each : its.objects) see(each, level, its.form, object);
        if (everything_) see(reader_.objects().type_of(object).value_or(0), level, its.form, object);
      }
      levels_[level].clear();
    }
  }

  bool is_dict(std::uint64_t object) {
    const std::string& type = reader_.type_name(object);
    return type == "dict" || type == "collections.OrderedDict" || type == "collections.defaultdict";
  }

  // Whether an object that others lead to has the future as, or among, those who wait for it. `parent` has the future.
  bool is_waiter(std::uint64_t future, std::uint64_t parent) {
    constexpr unsigned kMostContainers = 3;  // a tuple of the future and more, the list, the instance's dict
    std::uint64_t object = parent;
    std::vector<std::uint64_t> way = {future};
    for (unsigned i = 0; i <= kMostContainers && object != 0; ++i) {
      const ReferentForm form = referents_.form_of(object);
      if (form == ReferentForm::instance || form == ReferentForm::connection) return has_waiters_in(object, way);
      if (form != ReferentForm::container) return false;
      // A dict of futures is a registry of calls, which may be answered or not.
      if (!is_dict(object)) way.push_back(object);
      const auto above = followed_.find(object);
      object = above == followed_.end() ? 0 : above->second;
    }
    return false;
  }

  bool has_waiters_in(std::uint64_t instance, const std::vector<std::uint64_t>& way) const {
    const Objects& objects = reader_.objects();
    const auto attributes = objects.attributes(instance);
    return attributes && std::ranges::any_of(*attributes, [&](const Objects::Entry& each) {
             return std::ranges::find(way, each.value) != way.end() &&
                    names_who_waits(objects.text(each.key, kMaxName).value_or(""));
           });
  }

  void see(std::uint64_t object, std::size_t level, ReferentForm from, std::uint64_t parent) {
    if (const auto question = questions_.find(object); question != questions_.end()) {
      if (question->second.lock) return;
      if (question->second.event || !everything_ || is_waiter(object, parent))
        decide(question->second, State::somebody);
      else
        question->second.kept = true;
      return;
    }
    const ReferentForm form = referents_.form_of(object);
    if (form == ReferentForm::leaf || in_question_.contains(object)) return;
    // Of a future its callbacks, which may set another one; who waits for a task is not woken by what has the task.
    if (form == ReferentForm::future && reader_.futures().kind_of(object) != FutureKind::future) return;
    // Whoever has a module, a class or a coroutine does not go on with what these have; who awaits a coroutine does.
    const bool apart = form == ReferentForm::module || form == ReferentForm::type ||
                       (form == ReferentForm::coroutine && from != ReferentForm::coroutine);
    const std::size_t at = everything_ ? 0 : level + (form == ReferentForm::instance ? 1 : 0);
    if (!everything_ && (apart || at > kMaxInstances)) {
      later_.push_back(object);
      return;
    }
    if (followed_.try_emplace(object, parent).second) levels_[at].push_back(object);
  }

  std::unordered_map<std::uint64_t, Waker> result(const Suspects& suspects) {
    std::unordered_map<std::uint64_t, Waker> found;
    for (const Suspect& suspect : suspects.all) {
      const auto question = concerns(suspect) ? questions_.find(suspect.waits_for) : questions_.end();
      if (question == questions_.end()) continue;
      const State state = question->second.state;
      found.emplace(suspect.address, state == State::somebody ? Waker::somebody
                                     : state == State::nobody ? Waker::nobody
                                                              : Waker::unknown);
    }
    return found;
  }

  AsyncioReader& reader_;
  const Census& census_;
  const std::map<pid_t, PythonThread>& threads_;
  CensusChains chains_;
  WaitReader waits_;
  ReferentReader referents_;
  Running running_;
  std::unordered_set<std::uint64_t> loops_;
  std::unordered_map<std::uint64_t, WakerQuestion> questions_;
  std::size_t holders_looked_ = 0;  // of living_
  std::size_t holder_frames_ = 0;
  bool holders_cut_ = false;
  std::unordered_set<std::uint64_t> owners_;       // instances whose attributes were looked at
  bool locks_ = false;                             // some question is of a lock
  std::size_t left_ = 0;                           // undecided ones of questions_
  std::unordered_set<std::uint64_t> in_question_;  // coroutines of tasks whose wait is undecided
  std::vector<const FutureFields*> living_;        // other tasks
  bool everything_ = false;
  std::unordered_map<std::uint64_t, std::uint64_t> followed_;  // and through what each was reached; 0: it is a root
  std::size_t references_ = 0;
  std::array<std::vector<std::uint64_t>, kMaxInstances + 1> levels_;  // by the number of instances on the way
  // objects that a connection leads to; a future behind them does not belong to the connection
  std::vector<std::uint64_t> later_;
};

}  // namespace

std::unordered_map<std::uint64_t, Waker> find_wakers(AsyncioReader& reader, const Census& census,
                                                     const Suspects& suspects,
                                                     const std::map<pid_t, PythonThread>& threads) {
  return Search(reader, census, threads).run(suspects);
}

}  // namespace aiotrace::python
