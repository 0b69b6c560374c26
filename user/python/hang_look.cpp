#include "python/hang_look.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <ranges>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "proc/thread_syscall.h"
#include "python/abandoned.h"
#include "python/await_chain.h"
#include "python/cancel_requests.h"
#include "python/executors.h"
#include "python/frames.h"
#include "python/hang_holders.h"
#include "python/holdings.h"
#include "python/lock_waits.h"
#include "python/pools.h"
#include "python/task_list.h"
#include "python/thread_waits.h"
#include "python/unset_futures.h"
#include "util/clock.h"

namespace aiotrace::python {
namespace {

using State = LookParty::State;
using What = LookResource::What;

// Of all parties together: hostile memory can claim any number.
constexpr std::size_t kMaxEdges = 4'000'000;
constexpr std::size_t kMaxFrames = 4'000'000;
// A wait for more tasks than this is not followed: it can hardly be stuck, and no ring goes through it alone.
constexpr std::size_t kMaxAwaited = 1024;
constexpr std::size_t kMaxFramesOfThread = 64;

class Mark {
 public:
  void add(std::uint64_t value) {
    constexpr std::uint64_t kPrime = 0x100000001b3;  // FNV-1a
    value_ = (value_ ^ value) * kPrime;
    value_ ^= value_ >> 29;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

class Look {
 public:
  Look(AsyncioReader& reader, pid_t pid, const std::map<pid_t, PythonThread>& threads)
      : reader_(reader),
        pid_(pid),
        threads_(threads),
        resources_(reader),
        holdings_(reader, resources_),
        waits_(reader),
        executors_(reader, resources_),
        running_(find_running(reader.interpreter(), reader.futures(), threads)) {}

  HangLook read(LookAt at) {
    look_.taken_ns = monotonic_ns();
    TaskList list;
    if (at == LookAt::tasks_and_threads)
      list = find_tasks(reader_.interpreter(), reader_.memory(), reader_.futures(), threads_);
    look_.torn = list.torn;
    look_.too_many = list.too_many;
    for (const auto& [tid, thread] : threads_) read_thread(tid, thread);
    executors_.finish();
    for (const auto& [party, future] : later_) wait_for_work(look_.parties[party], future);
    for (const std::uint64_t task : list.tasks) read_task(task);
    watch_cancelled();
    find_holders();
    look_.read_ns = monotonic_ns();
    return std::move(look_);
  }

 private:
  [[nodiscard]] std::uint32_t number_of(std::uint64_t object, What what) {
    const auto [known, fresh] = resource_.try_emplace(object, static_cast<std::uint32_t>(look_.resources.size()));
    if (!fresh) return known->second;
    LookResource resource{.what = what, .object = object};
    resource.type = resources_.type_of(object);
    resource.class_name = reader_.type_name(object);
    resource.state = resources_.state_of(object, resource.type.form);
    if (resource.type.form == ResourceForm::pool) {
      const PoolState pool = read_pool(reader_, resources_, object, resource.type.known);
      resource.state.capacity = pool.capacity;
      resource.state.out = pool.out;
      resource.state.waiters = pool.waiters;
    }
    if (resource.state.waiters != 0) resource.queue = deque_state(reader_.objects(), resource.state.waiters);
    look_.resources.push_back(std::move(resource));
    return known->second;
  }

  void wait_for(LookParty& party, std::uint64_t object, What what) {
    if (object == 0 || ++edges_ > kMaxEdges) return;
    party.waits.push_back(number_of(object, what));
  }

  void hold(std::uint32_t party, const Holdings& holdings) {
    for (const std::uint64_t object : holdings.held) {
      if (++edges_ > kMaxEdges) return;
      holds_[object].push_back({.party = party, .how = LookHold::How::with});
    }
  }

  void read_thread(pid_t tid, const PythonThread& thread) {
    const auto stack = read_stack(reader_.interpreter(), reader_.memory(), thread.tstate);
    const auto number = static_cast<std::uint32_t>(look_.parties.size());
    LookParty party{.task = false, .state = State::running, .object = thread.tstate, .tid = tid};
    ThreadWait wait = thread_wait(reader_, resources_, stack);
    if (wait.kind == ThreadWait::Kind::none && !stack.empty()) wait = wait_in_call(tid, stack.front());
    party.timed = wait.timed;
    party.idle = wait.kind == ThreadWait::Kind::idle;
    if (wait.kind == ThreadWait::Kind::none) party.child = child_waited_for(tid);
    if (wait.kind != ThreadWait::Kind::none)
      party.state = wait.kind == ThreadWait::Kind::sleep ? State::sleeping : State::waiting;
    if (wait.kind == ThreadWait::Kind::object) {
      if (wait.type.form == ResourceForm::concurrent_future)
        later_.emplace_back(number, wait.object);
      else
        wait_for(party, wait.object, What::object);
    }
    Holdings holdings;
    Mark mark;
    mark.add(wait.object);
    for (const PythonFrame& frame : stack) {
      if (party.frames.size() < kMaxFramesOfThread)
        party.frames.push_back({.code = frame.code, .lasti = frame.lasti, .object = frame.at});
      mark.add(frame.code);
      mark.add(frame.at);
      mark.add(static_cast<std::uint64_t>(frame.lasti));
      holdings_.read(as_coroutine(frame), holdings);
    }
    drop_released(holdings, wait.condition);
    party.mark = mark.value();
    hold(number, holdings);
    executors_.add_thread(number, stack);
    for (const std::uint64_t task : tasks_to_cancel(reader_, stack)) cancelled_by_.emplace(task, number);
    ident_.emplace(thread.thread_id, number);
    look_.threads.emplace(tid, number);
    look_.parties.push_back(std::move(party));
  }

  // wait4(pid, …), waitid(P_PID, pid, …).
  [[nodiscard]] pid_t child_waited_for(pid_t tid) const {
    const auto call = proc::current_syscall(pid_, tid);
    const bool by_wait4 = call && call->number == SYS_wait4;
    const bool by_waitid = call && call->number == SYS_waitid && call->arguments[0] == P_PID;
    if (!by_wait4 && !by_waitid) return 0;
    const auto pid = static_cast<pid_t>(call->arguments[by_wait4 ? 0 : 1]);
    return std::max(pid, 0);
  }

  // In no function that is known: a lock, time.sleep(), or it runs.
  ThreadWait wait_in_call(pid_t tid, const PythonFrame& innermost) {
    const auto call = proc::current_syscall(pid_, tid);
    if (!call) return {};
    // Before 3.11 time.sleep() is a select() without descriptors.
    const bool no_files = call->number == SYS_select && call->arguments[0] == 0;
    if (call->number == SYS_clock_nanosleep || no_files) return {.kind = ThreadWait::Kind::sleep, .timed = true};
    const auto entered = holdings_.managers(as_coroutine(innermost));
    const auto found = lock_wait(reader_, resources_, innermost, *call, entered);
    if (!found) return {};
    return {.kind = ThreadWait::Kind::object, .object = found->object, .type = found->type, .timed = found->timed};
  }

  // Who waits in a Condition has given its lock back.
  void drop_released(Holdings& holdings, std::uint64_t condition) {
    if (condition == 0) return;
    const std::uint64_t lock = resources_.lock_of(condition, resources_.type_of(condition).form);
    std::erase(holdings.held, lock);
  }

  void read_task(std::uint64_t object) {
    const auto fields = reader_.futures().read(object);
    if (!fields) {
      look_.unreadable++;
      return;
    }
    if (!fields->pending() || fields->coroutine == 0) return;
    look_.tasks++;
    if (frames_ > kMaxFrames) return;
    const auto number = static_cast<std::uint32_t>(look_.parties.size());
    LookParty party{.object = object};
    if (const auto loop = running_.loops.find(fields->loop); loop != running_.loops.end()) party.tid = loop->second;
    const AwaitChain chain = read_await_chain(reader_, fields->coroutine);
    frames_ += chain.links.size();
    Holdings holdings;
    Mark mark;
    mark.add(fields->coroutine);
    mark.add(fields->waiter);
    for (const Coroutine& link : chain.links) {
      mark.add(link.object);
      mark.add(link.code);
      mark.add(static_cast<std::uint64_t>(link.lasti));
      holdings_.read(link, holdings);
    }
    for (const Coroutine& link : chain.links) drop_released(holdings, condition_of(link));
    for (const Coroutine& link : std::views::reverse(chain.links))
      party.frames.push_back({.code = link.code, .lasti = link.lasti, .object = link.object});
    party.mark = mark.value();
    party.timed = holdings.timed;
    // What a running task is inside of, its thread is: that one's stack has all of it.
    if (running_.tasks.contains(object)) {
      party.state = State::running;
    } else {
      read_wait(party, *fields, chain);
      hold(number, holdings);
    }
    party.goes_on = goes_on(party, *fields, chain);
    task_.emplace(object, number);
    look_.parties.push_back(std::move(party));
  }

  // asyncio's Condition.wait() takes the lock again before it returns: till then it is another's.
  std::uint64_t condition_of(const Coroutine& link) {
    const KnownFunction* known = reader_.known().find(link);
    if (known == nullptr || known->wait != WaitKind::condition) return 0;
    const std::uint64_t self = reader_.variable(link, "self");
    return resources_.type_of(self).form == ResourceForm::asyncio_condition ? self : 0;
  }

  // Who waits for other tasks has passed the cancellation on to them; what has been cancelled itself ends in a moment.
  bool goes_on(const LookParty& party, const FutureFields& fields, const AwaitChain& chain) const {
    switch (party.wait) {
      case WaitKind::start:
      case WaitKind::turn:
      case WaitKind::future:
      case WaitKind::task:
      case WaitKind::gather:
      case WaitKind::wait:
      case WaitKind::shield:
      case WaitKind::task_group: return false;
      default: break;
    }
    if (party.wait == WaitKind::unknown && party.state != State::running) return false;
    const bool asked = cancelled_by_.contains(fields.object) && handles_nothing(reader_, chain);
    return asked || went_on_after_cancel(reader_, fields, chain);
  }

  void read_wait(LookParty& party, const FutureFields& fields, const AwaitChain& chain) {
    const WaitsFor wait = waits_.read(fields, chain, look_.taken_ns);
    party.wait = wait.kind;
    party.child = wait.child_pid.value_or(0);
    party.timed = party.timed || waits_.end_of(fields, chain) == WaitEnd::timer;
    // Before 3.12 wait_for() has a task of its own for what it waits for.
    const bool waits = wait.kind != WaitKind::start && wait.kind != WaitKind::turn && wait.kind != WaitKind::running;
    const std::uint64_t pool = waits ? pool_waited_for(reader_, resources_, chain) : 0;
    if (pool != 0) return wait_for(party, pool, What::object);
    switch (wait.kind) {
      case WaitKind::sleep: party.state = State::sleeping; return;
      case WaitKind::start:
      case WaitKind::turn: party.state = State::scheduled; return;
      case WaitKind::running: party.state = State::running; return;
      case WaitKind::task:
      case WaitKind::gather:
      case WaitKind::wait:
      case WaitKind::shield:
      case WaitKind::task_group: return wait_for_tasks(party, wait);
      case WaitKind::socket:
      case WaitKind::server:
      case WaitKind::process:
      case WaitKind::async_generator: return;
      case WaitKind::unknown:
      case WaitKind::future:
      case WaitKind::lock:
      case WaitKind::event:
      case WaitKind::condition:
      case WaitKind::semaphore:
      case WaitKind::barrier:
      case WaitKind::queue:
      case WaitKind::executor: break;
    }
    if (!wait.tasks.empty()) return wait_for_tasks(party, wait);
    loops_.insert(fields.loop);
    if (const std::uint64_t waited = waited_in(chain); waited != 0) {
      wait_for(party, waited, What::object);
      const ResourceForm form = resources_.type_of(waited).form;
      if (form == ResourceForm::asyncio_event || form == ResourceForm::asyncio_condition)
        ask_who_sets(party, fields, chain, waited);
      return;
    }
    // A future that follows one of a thread's pool stands for that.
    const std::uint64_t source = executors_.followed_by(fields.waiter);
    if (source != 0) return wait_for_work(party, source);
    wait_for(party, fields.waiter, What::future);
    if (!executors_.thread_of(fields.waiter)) ask_who_sets(party, fields, chain, fields.waiter);
  }

  // The outermost object that the library's functions at the chain's end are called on: the limiter, not its event; but
  // of a Condition whose wait is over the lock that it takes again. 0: none.
  std::uint64_t waited_in(const AwaitChain& chain) {
    std::uint64_t found = 0;
    for (const Coroutine& link : std::views::reverse(chain.links)) {
      const KnownFunction* known = reader_.known().find(link);
      if (known == nullptr || known->role != CodeRole::wait) break;
      const std::uint64_t self = reader_.variable(link, "self");
      const ResourceForm form = resources_.type_of(self).form;
      if (form == ResourceForm::none) continue;
      if (form == ResourceForm::asyncio_condition && found != 0) break;
      found = self;
    }
    return found;
  }

  // A program's main task may well wait for ever. What compiled code (gRPC's Cython) has, and who it gave it to, is not
  // all seen.
  void ask_who_sets(const LookParty& party, const FutureFields& fields, const AwaitChain& chain, std::uint64_t object) {
    if (party.timed || waits_.end_of(fields, chain) == WaitEnd::program) return;
    if (chain.links.empty() || chain.end == AwaitChain::End::unknown || chain.cut()) return;
    unset_.push_back({.task = fields.object, .object = object});
  }

  void wait_for_tasks(LookParty& party, const WaitsFor& wait) {
    if (wait.more_tasks || wait.tasks.size() > kMaxAwaited) return;
    for (const std::uint64_t task : wait.tasks) wait_for(party, task, What::task);
  }

  // For a thread of the pool as long as none has taken the work, then for that one.
  void wait_for_work(LookParty& party, std::uint64_t future) {
    const ThreadPool* pool = executors_.queue_of(future);
    wait_for(party, pool != nullptr ? pool->object : future, What::object);
  }

  void watch_cancelled() {
    for (const auto& [task, thread] : cancelled_by_) {
      const auto party = task_.find(task);
      if (party == task_.end() || !look_.parties[party->second].goes_on || ++edges_ > kMaxEdges) continue;
      look_.resources[number_of(task, What::task)].watchers.push_back(thread);
    }
  }

  // Who gives up cancels those that he waits for.
  void spread_timeouts() {
    std::vector<std::uint32_t> timed;
    for (std::uint32_t i = 0; i < look_.parties.size(); ++i) {
      if (look_.parties[i].timed) timed.push_back(i);
    }
    while (!timed.empty()) {
      const std::uint32_t party = timed.back();
      timed.pop_back();
      for (const std::uint32_t number : look_.parties[party].waits) {
        const LookResource& resource = look_.resources[number];
        if (resource.what != What::task || resource.holds.empty()) continue;
        LookParty& task = look_.parties[resource.holds.front().party];
        if (!std::exchange(task.timed, true)) timed.push_back(resource.holds.front().party);
      }
    }
  }

  void find_holders() {
    HolderFinder(reader_, resources_, executors_, running_, look_, {task_, ident_, holds_}).run();
    find_pool_holders(reader_, resources_, look_, loops_);
    spread_timeouts();
    const auto never = never_set(reader_, unset_, loops_);
    find_abandoned(reader_, resources_, look_, loops_);
    for (auto& resource : look_.resources) {
      if (resource.holds.empty() && never.contains(resource.object)) resource.closed = true;
    }
  }

  AsyncioReader& reader_;
  pid_t pid_;
  const std::map<pid_t, PythonThread>& threads_;
  ResourceReader resources_;
  HoldingReader holdings_;
  WaitReader waits_;
  ExecutorReader executors_;
  Running running_;
  HangLook look_;
  std::unordered_map<std::uint64_t, std::uint32_t> resource_;       // by object
  std::unordered_map<std::uint64_t, std::uint32_t> task_;           // party, by task
  std::unordered_map<std::uint64_t, std::uint32_t> ident_;          // party, by threading's ident
  std::unordered_map<std::uint64_t, std::vector<LookHold>> holds_;  // by object
  std::vector<std::pair<std::uint32_t, std::uint64_t>> later_;      // threads that wait for a concurrent future
  std::vector<UnsetWait> unset_;
  std::unordered_set<std::uint64_t> loops_;
  std::unordered_map<std::uint64_t, std::uint32_t> cancelled_by_;  // the thread that waits for its end, by task
  std::size_t edges_ = 0;
  std::size_t frames_ = 0;
};

}  // namespace

HangLook look_for_hangs(AsyncioReader& reader, pid_t pid, const std::map<pid_t, PythonThread>& threads, LookAt at) {
  return Look(reader, pid, threads).read(at);
}

}  // namespace aiotrace::python
