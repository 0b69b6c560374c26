#include "app/hang_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <utility>

#include "app/hang_description.h"
#include "app/hang_graph.h"
#include "app/pipe_hangs.h"
#include "proc/maps.h"
#include "proc/progress.h"
#include "python/hang_look.h"
#include "python/other_loops.h"
#include "python/threads.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

// A hang has a number of its own in a run, however many processes are looked at, each by a thread.
std::uint64_t new_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

constexpr std::uint64_t kBetweenNs = 50'000'000;
// Memory can be made so that to follow it never ends.

// A task that is missing in one of the looks breaks what the other one would prove.
bool cut(const python::HangLook& look) { return look.torn || look.too_many; }

// The same hang in two scans: of the same kind at the same object, as far as that is shown.
bool same(const model::Hang& a, const model::Hang& b) {
  if (a.verdict != b.verdict || a.resource.kind != b.resource.kind || a.resource.name != b.resource.name) return false;
  if (!a.ring.empty() || !b.ring.empty()) return std::ranges::is_permutation(a.ring, b.ring);
  const auto& [wa, wb] = std::pair(&a.waiters, &b.waiters);
  return !wa->empty() && !wb->empty() && wa->front().id == wb->front().id;
}

}  // namespace

Status HangScanner::look_at_interpreter() {
  const auto maps = proc::Maps::read(process_.pid());
  if (!maps) return std::unexpected(maps.error());
  // A process that called exec has another interpreter, or none.
  if (interpreter_ && !runs_known_interpreter()) {
    interpreter_.reset();
    before_.clear();
  }
  if (interpreter_) {
    python::refresh(*interpreter_, process_, *maps, memory_);
    return {};
  }
  const auto interpreter = python::inspect(process_, *maps, memory_);
  if (!interpreter) return std::unexpected(python::as_error(interpreter.error(), process_));
  interpreter_ = *interpreter;
  return {};
}

bool HangScanner::runs_known_interpreter() const {
  const auto states = python::interpreter_states(*interpreter_, memory_);
  return std::ranges::find(states, interpreter_->main_interpreter) != states.end();
}

// What was read when it was stopped, too late or no longer there says nothing.
Status HangScanner::over(const proc::PageCache& pages) const {
  const std::string what = fmt::format("look for what hangs in process {}", process_.pid());
  if (memory_.stop() != nullptr && *memory_.stop()) return fail(what, "interrupted");
  if (pages.late()) return fail(what, fmt::format("it took longer than {} s, so nothing is known", most_s_));
  return process_.alive() && runs_known_interpreter() ? Status{} : fail(what, "it has ended");
}

Result<HangScanner::Found> HangScanner::scan() {
  if (auto status = look_at_interpreter(); !status) return std::unexpected(status.error());
  const std::uint64_t begin_ns = monotonic_ns();
  proc::PageCache pages(memory_);
  pages.end_at(begin_ns + most_s_ * 1'000'000'000);
  if (const auto why = python::why_no_tasks(*interpreter_, process_, pages))
    return fail(fmt::format("tasks of process {}", process_.pid()), *why, {}, ErrorKind::unsupported);
  pages.forget();
  python::CodeCache codes(pages, interpreter_->layout);
  const proc::StoodStill still(process_);
  const auto threads = python::python_threads(*interpreter_, process_, pages);
  python::HangLook first;
  {
    python::AsyncioReader reader(*interpreter_, pages, codes);
    first = python::look_for_hangs(reader, process_.pid(), threads);
    add_pipes(process_, reader, first);
  }
  const auto pause = to_timespec(kBetweenNs);
  nanosleep(&pause, nullptr);
  pages.forget();
  python::AsyncioReader reader(*interpreter_, pages, codes);
  if (auto status = over(pages); !status) return std::unexpected(status.error());
  if (!reader.futures().problem().empty()) {
    return fail(fmt::format("tasks of process {}", process_.pid()), reader.futures().problem(), {},
                ErrorKind::unsupported);
  }
  python::HangLook second = python::look_for_hangs(reader, process_.pid(),
                                                   python::python_threads(*interpreter_, process_, pages));
  add_pipes(process_, reader, second);
  const std::uint64_t read_ns = monotonic_ns();
  const auto graph = wait_graph(first, second, still.threads());
  Found found;
  found.hangs = describe_hangs(reader, second, graph, model::find_hangs(graph),
                               python::thread_names(*interpreter_, process_, pages), kMaxHangs);
  if (auto status = over(pages); !status) return std::unexpected(status.error());
  for (model::Hang& hang : found.hangs) {
    const auto known = std::ranges::find_if(before_, [&](const model::Hang& each) { return same(each, hang); });
    hang.id = known != before_.end() ? known->id : new_id();
    hang.since_ns = known != before_.end() ? known->since_ns : first.read_ns;
    hang.pid = static_cast<std::uint32_t>(process_.pid());
  }
  before_ = found.hangs;
  found.scan = {.pid = static_cast<std::uint32_t>(process_.pid()),
                .number = ++scans_,
                .time_ns = begin_ns,
                .duration_ns = read_ns - begin_ns,
                .tasks = second.tasks,
                .threads = second.threads.size(),
                .unreadable = std::max(first.unreadable, second.unreadable),
                .torn = cut(first) || cut(second)};
  return found;
}

}  // namespace aiotrace::app
