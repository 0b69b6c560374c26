#include "output/trace/perfetto_awaits.h"
#include "output/trace/perfetto.h"

namespace aiotrace::output {

std::string awaits_trace(std::uint32_t pid, const std::string& comm, const std::vector<model::AwaitCurve>& curves,
                         const model::AwaitsSummary& summary, const OutputContext& context) {
  const auto start_ns = summary.time_ns - summary.elapsed_ns;
  PerfettoTrace trace(start_ns, static_cast<std::int64_t>(start_ns) + context.realtime_minus_monotonic_ns);
  trace.declare_process(pid, comm);
  std::uint32_t number = 0;
  for (const auto& curve : curves) {
    const auto& site = curve.site;
    trace.declare_counter(pid, number, site.awaits + ": " + perfetto_frame(site.place) + ", " + site.coroutine);
    for (const auto& point : curve.points) trace.count(number, point.time_ns, point.in_flight);
    // A counter keeps its value until it is ended explicitly.
    const auto end_ns = summary.first_ns + summary.watched_ns;
    if (!curve.points.empty() && curve.points.back().time_ns < end_ns)
      trace.count(number, end_ns, curve.points.back().in_flight);
    number++;
  }
  return trace.take();
}

}  // namespace aiotrace::output
