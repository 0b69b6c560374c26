#include "model/stall_log.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/bounded_text.h"

namespace aiotrace::model {
namespace {

constexpr std::size_t kMaxName = 1024;

constexpr auto kLonger = [](const auto& a, const auto& b) {
  return a.duration_ns != b.duration_ns ? a.duration_ns > b.duration_ns : a.start_ns < b.start_ns;
};

// Adds it to a heap of the longest ones; true if it is among them.
template <class Each>
bool keep(std::vector<Each>& heap, std::size_t capacity, const Each& one) {
  if (heap.size() == capacity) {
    if (!kLonger(one, heap.front())) return false;
    std::pop_heap(heap.begin(), heap.end(), kLonger);
    heap.pop_back();
  }
  heap.push_back(one);
  std::push_heap(heap.begin(), heap.end(), kLonger);
  return true;
}

void bound(std::string& text) {
  if (text.size() > kMaxName) text = bounded_text(text, kMaxName);
}

void bound(Stack& stack) {
  if (stack.size() > StallLog::kMaxFrames) stack.resize(StallLog::kMaxFrames);
  for (auto& frame : stack) {
    bound(frame.function);
    bound(frame.file);
  }
}

void bound(NativeFunction& who) {
  bound(who.library);
  bound(who.function);
}
void bound(GilHolder& who) {
  bound(who.thread);
  bound(who.stack);
}
void bound(FileUse& who) { bound(who.path); }
void bound(SocketEnds& who) {
  bound(who.local);
  bound(who.peer);
}
void bound(ChildProcess& who) { bound(who.comm); }
void bound(LockAt& who) {
  bound(who.name);
  if (!who.holder) return;
  bound(who.holder->thread);
  bound(who.holder->stack);
}
void bound(MappedFile& who) { bound(who.path); }
void bound(Runners& who) {
  constexpr std::size_t kRunners = 8;
  if (who.running.size() > kRunners) who.running.resize(kRunners);
}
void bound(CpuQuota& who) { bound(who.cgroup); }

void bound_culprit(Culprit& culprit) {
  std::visit([](auto& who) { bound(who); }, culprit);
}

// In a run, moments share little data; in a recording the shared data can have any size.
void bound(Moment& moment) {
  bound(moment.syscall);
  if (moment.frame && std::max(moment.frame->function.size(), moment.frame->file.size()) > kMaxName) {
    auto frame = *moment.frame;
    bound(frame.function);
    bound(frame.file);
    moment.frame = std::make_shared<const Frame>(std::move(frame));
  }
  if (!moment.culprit) return;
  auto who = *moment.culprit;
  bound_culprit(who);
  if (who != *moment.culprit) moment.culprit = std::make_shared<const Culprit>(std::move(who));
}

Stall bounded(Stall stall) {
  if (stall.segments.size() > StallLog::kMaxSegments) stall.segments.resize(StallLog::kMaxSegments);
  for (auto& segment : stall.segments) {
    if (segment.stack) {
      segment.stack_too_deep = segment.stack_too_deep || segment.stack->size() > StallLog::kMaxFrames;
      bound(*segment.stack);
    }
    if (segment.culprit) bound_culprit(*segment.culprit);
  }
  for (auto& moment : stall.moments) bound(moment);
  if (stall.task) {
    bound(stall.task->coroutine);
    bound(stall.task->file);
    if (stall.task->name) bound(*stall.task->name);
  }
  bound(stall.thread);
  return stall;
}

}  // namespace

void StallLog::add(const Stall& stall) {
  ++seen_;
  const auto most = std::ranges::max_element(stall.cause_ns) - stall.cause_ns.begin();
  const BriefStall brief{.id = stall.id,
                         .start_ns = stall.start_ns,
                         .duration_ns = stall.duration_ns,
                         .pid = stall.pid,
                         .tid = stall.tid,
                         .cause = static_cast<Cause>(most),
                         .error = stall.error,
                         .unfinished = stall.ongoing};
  if (!keep(brief_, kMaxStalls, brief)) return;
  // Copied only if it is kept.
  if (detailed_.size() == kMaxDetailed && !kLonger(stall, detailed_.front())) return;
  keep(detailed_, kMaxDetailed, bounded(stall));
}

std::vector<BriefStall> StallLog::all() const {
  auto sorted = brief_;
  std::ranges::sort(sorted, [](const BriefStall& a, const BriefStall& b) {
    return std::pair(a.start_ns, a.id) < std::pair(b.start_ns, b.id);
  });
  return sorted;
}

std::vector<Stall> StallLog::detailed() const {
  auto sorted = detailed_;
  std::ranges::sort(sorted, kLonger);
  return sorted;
}

}  // namespace aiotrace::model
