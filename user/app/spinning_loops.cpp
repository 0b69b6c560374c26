#include "app/spinning_loops.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include "model/frame_origin.h"
#include "output/text/spinning.h"
#include "proc/page_cache.h"
#include "proc/progress.h"
#include "python/await_chain.h"
#include "python/ready_callbacks.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kMeasureNs = 2'000'000'000;
constexpr std::uint64_t kLeastPerSecond = 1000;
constexpr std::uint64_t kShareOfTime = 100;
constexpr std::size_t kMostRows = 100;
constexpr std::size_t kMostThreads = 4096;
constexpr std::size_t kThreadsOfProcess = 16;  // threads that are measured in one call

// The number of looks that found something in a queue: this many make a verdict, and one call contributes at most a
// third of them. After this many the count starts again.
constexpr std::uint64_t kEnough = 18;
constexpr std::uint64_t kMostInOneCall = 6;
constexpr std::uint64_t kMostLooks = 180;
// Most reads find the queue empty, so one call reads it this often, until its time is over.
constexpr unsigned kReadsAtOnce = 64;
constexpr std::uint64_t kMostNs = 2'000'000;

// The innermost line of the program's own code in the task; the line of its definition if the task runs at each look.
model::Frame place_of(python::AsyncioReader& reader, const proc::PageCache& pages, std::uint64_t coroutine) {
  constexpr unsigned kTries = 20;
  for (unsigned i = 0; i < kTries; ++i) {
    model::Stack stack;
    const auto chain = python::read_await_chain(reader, coroutine);
    for (const auto& link : std::views::reverse(chain.links)) {
      const auto code = reader.codes().find(link.code);
      if (code && link.state == python::CoroutineState::suspended)
        stack.push_back({.kind = model::Frame::Kind::python,
                         .function = code->function,
                         .file = code->file,
                         .line = reader.codes().line(link.code, link.lasti)});
    }
    if (const auto* own = model::own_frame(stack); own != nullptr && own->line != 0) return *own;
    pages.refresh();
  }
  const auto root = reader.coroutines().read(coroutine);
  const auto code = root ? reader.codes().find(root->code) : nullptr;
  if (!code) return {};
  return {.kind = model::Frame::Kind::python, .function = code->function, .file = code->file, .line = code->first_line};
}

// Identifies a callback: the address of a handle is reused at once, but the handle of a descriptor keeps its address.
std::uint64_t identity(const python::ReadyCallback& callback,
                       const std::unordered_map<std::uint64_t, int>& descriptors) {
  if (callback.task != 0) return callback.task;
  if (callback.code == 0) return 0;
  return descriptors.contains(callback.handle) ? callback.handle : callback.code ^ (callback.self << 1);
}

}  // namespace

void SpinningLoops::wait_again(Watched& watched) {
  if (watched.row != kNone) rows_[watched.row].ended = true;
  watched.row = kNone;
  watched.per_s = watched.looks = 0;
  watched.times.clear();
}

void SpinningLoops::measure(Target& target, std::uint64_t now_ns, const probe::Probe& probe) {
  std::size_t measured = 0;
  for (const auto tid : target.loops()) {
    auto known = watched_.find({target.pid(), tid});
    if (known != watched_.end() && now_ns < known->second.at_ns + kMeasureNs) continue;
    if (known == watched_.end() && watched_.size() >= kMostThreads) continue;
    if (++measured > kThreadsOfProcess) return;
    if (known == watched_.end()) known = watched_.emplace(Thread{target.pid(), tid}, Watched{}).first;
    auto& watched = known->second;
    const auto counters = probe.counters(tid);
    const auto times = proc::sched_times(target.process(), static_cast<pid_t>(tid));
    if (!counters || !times) continue;
    const auto wanted_ns = times->ran_ns + times->waited_ns;
    const bool first = watched.at_ns == 0 || counters->iterations < watched.iterations;
    const auto lasted_ns = now_ns - watched.at_ns;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    const auto per_s = first ? 0 : (counters->iterations - watched.iterations) * kSecond / lasted_ns;
    const bool sleeps = first || wanted_ns - watched.wanted_cpu_ns < lasted_ns / 10 * 9;
    watched.at_ns = now_ns;
    watched.iterations = counters->iterations;
    watched.wanted_cpu_ns = wanted_ns;
    if (sleeps || per_s < kLeastPerSecond)
      wait_again(watched);
    else
      watched.per_s = per_s;
  }
}

void SpinningLoops::report(python::AsyncioReader& reader, const proc::PageCache& pages, Target& target,
                           const python::RunningLoop& loop, const python::ReadyCallback& callback, Watched& watched) {
  model::SpinningLoop row{.pid = target.pid(),
                          .tid = static_cast<std::uint32_t>(loop.tid),
                          .thread = target.thread_name(static_cast<std::uint32_t>(loop.tid)),
                          .iterations_per_s = watched.per_s,
                          .looks = watched.looks,
                          .same = 0};
  for (const auto& [what, times] : watched.times) row.same = std::max(row.same, times);
  if (const auto task = callback.task == 0 ? std::nullopt : reader.futures().read(callback.task)) {
    const auto place = place_of(reader, pages, task->coroutine);
    row.task = model::Task{.name = reader.futures().name_of(*task),
                           .coroutine = reader.coroutines().qualified_name(task->coroutine).value_or(""),
                           .file = {},
                           .line = 0};
    row.file = place.file;
    row.line = place.line;
  } else if (const auto code = reader.codes().find(callback.code)) {
    const auto descriptors = python::descriptor_handles(reader, loop.object);
    const auto fd = descriptors.find(callback.handle);
    row.callback = code->function;
    row.file = code->file;
    row.line = code->first_line;
    if (fd != descriptors.end()) row.fd = fd->second;
  }
  if (!row.task && row.callback.empty()) return;  // it has ended
  messages_.push_back(output::spinning_text(row));
  watched.row = rows_.size();
  rows_.push_back(std::move(row));
}

// A thread that does not run shows the same queue each time, so only looks in different iterations count.
void SpinningLoops::look_at(Target& target, std::uint32_t tid, Watched& watched, const probe::Probe& probe) {
  const auto* interpreter = target.interpreter();
  if (interpreter == nullptr || !interpreter->asyncio_loaded) return;
  proc::PageCache pages(target.memory());
  pages.end_at(monotonic_ns() + 10 * kMostNs);
  const auto loops = python::running_loops(*interpreter, target.process(), pages);
  const auto loop = std::ranges::find(loops, static_cast<pid_t>(tid), &python::RunningLoop::tid);
  if (loop == loops.end()) return;
  python::CodeCache codes(pages, interpreter->layout);
  python::AsyncioReader reader(*interpreter, pages, codes);
  const auto end_ns = monotonic_ns() + kMostNs;
  std::uint64_t looks = 0;
  for (unsigned i = 0; i < kReadsAtOnce && looks < kMostInOneCall && monotonic_ns() < end_ns; ++i) {
    const auto before = probe.counters(tid);
    if (!before || before->iterations == watched.last_iteration) continue;
    pages.refresh();
    const auto ready = python::ready_callbacks(reader, loop->object);
    if (ready.empty()) continue;
    watched.last_iteration = before->iterations;
    const auto descriptors = python::descriptor_handles(reader, loop->object);
    if (pages.late()) return;
    looks++;
    if (++watched.looks > kMostLooks) {
      watched.looks = 1;
      watched.times.clear();
    }
    for (const auto& one : ready) {
      const auto what = identity(one, descriptors);
      if (what == 0) continue;
      const auto times = ++watched.times[what];
      if (watched.looks >= kEnough && times >= watched.looks - watched.looks / 10)
        return report(reader, pages, target, *loop, one, watched);
    }
  }
}

void SpinningLoops::look(std::uint64_t now_ns, TargetSet& targets, const probe::Probe& probe) {
  if (now_ns < next_ns_) return;
  const auto begin_ns = monotonic_ns();
  // One process per call, so that no record of other processes is delayed.
  if (auto* target = targets.next_after(last_pid_)) {
    last_pid_ = target->pid();
    if (!target->ended()) measure(*target, now_ns, probe);
  }
  for (auto at = watched_.begin(); at != watched_.end();) {
    auto* target = targets.find(at->first.first);
    const bool gone = target == nullptr || target->ended() || !target->loops().contains(at->first.second);
    if (gone) wait_again(at->second);
    at = gone ? watched_.erase(at) : std::next(at);
  }
  const auto is_due = [](const auto& each) { return each.second.per_s != 0 && each.second.row == kNone; };
  auto suspect = std::find_if(watched_.upper_bound(last_suspect_), watched_.end(), is_due);
  if (suspect == watched_.end()) suspect = std::ranges::find_if(watched_, is_due);
  if (suspect != watched_.end() && rows_.size() < kMostRows) {
    last_suspect_ = suspect->first;
    look_at(*targets.find(suspect->first.first), suspect->first.second, suspect->second, probe);
  }
  next_ns_ = now_ns + (monotonic_ns() - begin_ns) * kShareOfTime;
}

}  // namespace aiotrace::app
