#include <algorithm>
#include <span>
#include <string>

#include "output/trace/perfetto.h"
#include "output/trace/perfetto_profile.h"

namespace aiotrace::output {
namespace {

using Lane = PerfettoLane;

void add_thread(PerfettoTrace& trace, std::uint32_t tid, const model::Timeline::Thread& thread) {
  const std::span<const model::Moment> all = thread.moments.all();
  const auto add = [&](std::uint64_t from_ns, std::uint64_t to_ns) {
    const auto end_ns = [](const model::Moment& moment) { return moment.start_ns + moment.ns; };
    const auto first = std::ranges::upper_bound(all, from_ns, {}, end_ns);
    const auto last = std::ranges::lower_bound(first, all.end(), to_ns, {}, &model::Moment::start_ns);
    trace.add_moments(tid, from_ns, to_ns, {first, last});
  };
  std::uint64_t from_ns = 0;
  for (const auto& run : thread.tasks) {
    add(from_ns, run.start_ns);
    trace.begin(tid, Lane::thread, run.start_ns, "task", run.task, {});
    add(run.start_ns, run.end_ns);
    trace.end(tid, Lane::thread, run.end_ns);
    from_ns = run.end_ns;
  }
  add(from_ns, ~std::uint64_t{0});
}

}  // namespace

std::string profile_trace(const model::ProfileReport& report, const OutputContext& context) {
  const auto start_ns = report.time_ns - report.elapsed_ns;
  PerfettoTrace trace(start_ns, static_cast<std::int64_t>(start_ns) + context.realtime_minus_monotonic_ns);
  for (const auto& target : report.head.targets) trace.declare_process(target.pid, target.comm);
  for (const auto& thread : report.threads) {
    trace.declare_process(thread.pid, "");
    trace.declare_thread(thread.pid, thread.tid, thread.thread);
  }
  if (!report.timeline) return trace.take();
  for (const auto& [id, thread] : report.timeline->threads()) {
    const auto& [pid, tid] = id;
    trace.declare_process(pid, "");
    trace.declare_thread(pid, tid, "");
    add_thread(trace, tid, thread);
  }
  return trace.take();
}

}  // namespace aiotrace::output
