#include "model/stall_builder.h"

#include <algorithm>
#include <utility>

#include "model/apportion.h"
#include "model/cause.h"

namespace aiotrace::model {
namespace {

// The limit of loop threads, which no machine reaches; it protects against endless ids.
constexpr std::size_t kMaxThreads = 65536;
constexpr std::size_t kMaxUnfinished = 4096;

// Adds one piece for each process that ran instead, which keeps the number of different pieces small.
void add_wait(Pieces& pieces, const SegmentKey& key, std::uint64_t ns, std::uint64_t count) {
  const auto* runners = culprit_as<Runners>(key.culprit);
  if (runners == nullptr || runners->running.empty()) return pieces.add(key, ns, count);
  const auto& running = runners->running;
  std::vector<std::uint64_t> weights;
  weights.reserve(running.size());
  for (const auto& runner : running) weights.push_back(std::max<std::uint64_t>(1, runner.ns));
  const auto shares = apportion(ns, weights);
  for (std::size_t i = 0; i < running.size(); ++i) {
    auto one = key;
    one.culprit = Runners{{{.pid = running[i].pid, .comm = running[i].comm, .ns = 0}}};
    pieces.add(std::move(one), shares[i], i == 0 ? count : 0);
  }
}

void collect(Pieces& pieces, TaskShares& tasks, const SegmentKey& key, std::uint64_t blocked_ns,
             std::uint64_t runnable_ns, std::uint64_t count, bool has_task, Cause runnable_cause = Cause::cpu_wait,
             const std::optional<Culprit>& runnable_culprit = std::nullopt) {
  if (on_cpu(key.cause)) return;
  const auto own_ns = key.cause == Cause::cpu_wait ? blocked_ns + runnable_ns : blocked_ns;
  add_wait(pieces, key, own_ns, count);
  tasks.add_off_cpu(key.cause, own_ns, has_task);
  if (runnable_ns == 0 || key.cause == Cause::cpu_wait) return;
  SegmentKey waiting;
  waiting.cause = runnable_cause;
  waiting.stack = key.stack;
  waiting.culprit = runnable_culprit;
  add_wait(pieces, waiting, runnable_ns, count);
  tasks.add_off_cpu(runnable_cause, runnable_ns, has_task);
}

SegmentKey key_of(Cause cause, const std::string& syscall, const std::optional<Culprit>& culprit, StackRef stack) {
  SegmentKey key;
  key.cause = cause;
  key.syscall = syscall;
  key.stack = std::move(stack);
  key.culprit = culprit;
  return key;
}

}  // namespace

StallBuilder::StallBuilder(std::uint64_t error_ns, StackStore& stacks, FindCode find_code)
    : error_ns_(error_ns), stacks_(stacks), find_code_(std::move(find_code)) {}

StallBuilder::ThreadId StallBuilder::thread_id(const EventHead& head) {
  return static_cast<ThreadId>(head.pid) << 32 | head.tid;
}

// The collected data of this iteration; null after its end (a sample may interrupt the end of an iteration and come
// after it). A different number starts a new iteration: a lower number means that BPF lost the thread and counts from
// the beginning again.
StallBuilder::Collected* StallBuilder::current(const EventHead& head, std::uint64_t iteration) {
  const auto thread = thread_id(head);
  if (threads_.size() >= kMaxThreads && !threads_.contains(thread)) threads_.erase(threads_.begin());
  const auto [at, added] = threads_.try_emplace(thread);
  auto& collected = at->second;
  if (added || collected.iteration != iteration) {
    collected.iteration = iteration;
    collected.ended = false;
    collected.pieces.clear();
    collected.tasks.clear();
    collected.weights.clear();
    collected.sampled.reset();
    collected.callbacks.clear();
    collected.moments.clear();
    retire_before(thread, iteration);
  }
  return collected.ended ? nullptr : &collected;
}

void StallBuilder::Collected::add_before(std::uint64_t ns) {
  if (ns == 0 || !sampled) return;
  pieces.add(*sampled, ns, 0);
  tasks.add_before(ns);
}

StackRef StallBuilder::find_stack(std::uint32_t pid, std::uint64_t stack_id) {
  if (stack_id == 0) return nullptr;
  auto stack = stacks_.find(pid, stack_id);
  if (!stack) ++missing_stacks_;
  return stack;
}

void StallBuilder::add(const TaskSeen& task) {
  if (auto* collected = current(task.head, task.iteration)) collected->tasks.begin(task);
}

void StallBuilder::add(const ClassifiedBlock& block) {
  const auto& blocked = block.blocked;
  auto* collected = current(blocked.head, blocked.iteration);
  if (collected == nullptr) return;
  const auto key = key_of(blocked.cause, block.syscall, block.culprit, find_stack(blocked.head.pid, blocked.stack_id));
  const auto runnable_cause = blocked.throttled ? Cause::throttled : Cause::cpu_wait;
  if (blocked.count == 1) {
    collected->add_before(
        collected->weights.wait(blocked.start_ns, blocked.blocked_ns + blocked.runnable_ns, own_wait(blocked.cause)));
    collected->moments.add_wait(blocked.start_ns, blocked.blocked_ns, key.cause, key.syscall, key.stack, key.culprit);
    const bool ready = runnable(key.cause);
    collected->moments.add_wait(blocked.start_ns + blocked.blocked_ns, blocked.runnable_ns,
                                ready ? key.cause : runnable_cause, "", key.stack,
                                ready ? key.culprit : block.runnable_culprit);
  }
  collect(collected->pieces, collected->tasks, key, blocked.blocked_ns, blocked.runnable_ns, blocked.count,
          blocked.has_task, runnable_cause, block.runnable_culprit);
}

void StallBuilder::add(const ClassifiedSample& sample) {
  auto* collected = current(sample.head, sample.iteration);
  if (collected == nullptr || !on_cpu(sample.cause)) return;
  auto stack = find_stack(sample.head.pid, sample.stack_id);
  collected->moments.add_sample(sample.head.time_ns, sample.cpu_ns, sample.cause, sample.syscall, stack);
  const auto weight = collected->weights.take(sample.head.time_ns, sample.cpu_ns);
  collected->add_before(weight.before);
  collected->sampled = key_of(sample.cause, sample.syscall, sample.culprit, std::move(stack));
  collected->pieces.add(*collected->sampled, weight.own, 1);
  collected->tasks.add_sample(weight.own, sample.has_task);
  collected->callbacks.add(sample.callback, sample.head.time_ns);
}

std::optional<Task> StallBuilder::task_of(std::uint32_t pid, const TaskShares& tasks, std::uint64_t on_cpu_ns) const {
  const auto* seen = tasks.largest(on_cpu_ns);
  if (seen == nullptr) return std::nullopt;
  Task task{.name = std::nullopt, .coroutine = seen->qualname, .file = {}, .line = 0};
  if (seen->name_known) task.name = seen->name;
  if (seen->code_id == 0 || !find_code_) return task;
  if (auto definition = find_code_(pid, seen->code_id)) {
    if (task.coroutine.empty()) task.coroutine = std::move(definition->function);
    task.file = std::move(definition->file);
    task.line = definition->first_line;
  }
  return task;
}

Stall StallBuilder::stall_of(const EventHead& head, const ExactTimes& exact, const Pieces& pieces,
                             const TaskShares& tasks) const {
  auto split = split_iteration(exact, pieces);
  Stall stall;
  stall.duration_ns = exact.duration_ns;
  stall.error = exact.duration_ns >= error_ns_;
  stall.pid = head.pid;
  stall.tid = head.tid;
  stall.task = task_of(head.pid, tasks, split.on_cpu_ns);
  stall.cause_ns = split.cause_ns;
  stall.segments = std::move(split.segments);
  return stall;
}

Stall StallBuilder::end(const IterationEnd& end) {
  static const Collected kNothing;
  auto* collected = current(end.head, end.iteration);
  const auto& known = collected != nullptr ? *collected : kNothing;
  const ExactTimes exact{end.duration_ns, end.cause_ns, end.cause_count};
  auto stall = stall_of(end.head, exact, known.pieces, known.tasks);
  stall.start_ns = end.start_ns;
  stall.at_least = end.open_start;
  stall.epfd = end.epfd;
  stall.losses = end.losses;
  stall.held_up = end.held_up;
  stall.callbacks = known.callbacks.many(end.duration_ns);
  stall.moments = known.moments.all();
  const auto before = ongoing_.find({thread_id(end.head), end.iteration});
  if (before != ongoing_.end()) {
    stall.id = before->second.id;
    ongoing_.erase(before);
  } else {
    stall.id = next_id_++;
  }
  if (collected != nullptr) {
    collected->ended = true;
    collected->pieces.clear();
    collected->tasks.clear();
  }
  return stall;
}

std::optional<Stall> StallBuilder::snapshot(const OpenIteration& open) {
  const auto thread = thread_id(open.head);
  Pieces pieces;
  TaskShares tasks;
  Moments moments;
  // The collected data may belong to the previous iteration: its end may still be in the ring buffer, so nothing is
  // dropped here.
  if (const auto at = threads_.find(thread); at != threads_.end() && at->second.iteration >= open.iteration) {
    if (at->second.iteration > open.iteration || at->second.ended) return std::nullopt;
    pieces = at->second.pieces;
    tasks = at->second.tasks;
    moments = at->second.moments;
  }
  ExactTimes exact{.duration_ns = open.head.time_ns > open.start_ns ? open.head.time_ns - open.start_ns : 0,
                   .cause_ns = open.cause_ns,
                   .cause_count = open.cause_count};
  if (open.wait && !on_cpu(open.wait->cause) && open.wait->since_ns < open.head.time_ns) {
    const auto& wait = *open.wait;
    const auto waited_ns = open.head.time_ns - wait.since_ns;
    exact.cause_ns[index(wait.cause)] += waited_ns;
    ++exact.cause_count[index(wait.cause)];
    const auto key = key_of(wait.cause, wait.syscall, wait.culprit, find_stack(open.head.pid, wait.stack_id));
    collect(pieces, tasks, key, waited_ns, 0, 1, wait.has_task);
    moments.add_wait(wait.since_ns, waited_ns, key.cause, key.syscall, key.stack, key.culprit);
  }
  auto stall = stall_of(open.head, exact, pieces, tasks);
  stall.start_ns = open.start_ns;
  stall.ongoing = true;
  stall.at_least = open.open_start;
  stall.epfd = open.epfd;
  stall.losses = open.losses;
  stall.held_up = open.held_up;
  stall.moments = moments.all();
  if (const auto at = threads_.find(thread); at != threads_.end() && at->second.iteration == open.iteration)
    stall.callbacks = at->second.callbacks.many(exact.duration_ns);
  auto& last = ongoing_[{thread, open.iteration}];
  stall.id = last.id != 0 ? last.id : next_id_++;
  last = stall;
  return stall;
}

// The ring buffer keeps the order of a thread's records: a record of a later iteration means that the end of an earlier
// one was lost.
void StallBuilder::retire_before(ThreadId thread, std::uint64_t iteration) {
  for (auto at = ongoing_.lower_bound({thread, 0}); at != ongoing_.end() && at->first < std::pair(thread, iteration);) {
    if (unfinished_.size() < kMaxUnfinished) unfinished_.push_back(std::move(at->second));
    at = ongoing_.erase(at);
  }
}

void StallBuilder::retire_thread(ThreadId thread) {
  constexpr auto kAfterAll = ~std::uint64_t{0};
  retire_before(thread, kAfterAll);
  threads_.erase(thread);
}

void StallBuilder::forget_thread(std::uint32_t pid, std::uint32_t tid) {
  retire_thread(thread_id({.pid = pid, .tid = tid, .time_ns = 0}));
}

void StallBuilder::forget_process(std::uint32_t pid) {
  std::vector<ThreadId> gone;
  for (const auto& [thread, collected] : threads_) {
    if (thread >> 32 == pid) gone.push_back(thread);
  }
  for (const auto& [key, stall] : ongoing_) {
    if (key.first >> 32 == pid) gone.push_back(key.first);
  }
  for (const auto thread : gone) retire_thread(thread);
}

std::vector<Stall> StallBuilder::take_unfinished(bool all) {
  if (all) {
    for (auto& [key, stall] : ongoing_) unfinished_.push_back(std::move(stall));
    ongoing_.clear();
  }
  return std::exchange(unfinished_, {});
}

}  // namespace aiotrace::model
