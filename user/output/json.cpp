#include "output/json.h"

#include <array>
#include <optional>
#include <string>

#include "model/cause.h"
#include "output/json_parts.h"
#include "output/json_values.h"
#include "output/leaks.h"

namespace aiotrace::output {

using model::Cause;

namespace {

Json json_of(const model::GilHolder& who) {
  return {{"tid", nonzero_or_null(who.tid)},
          {"thread", text_or_null(who.thread)},
          {"stack", who.stack.empty() ? Json(nullptr) : stack_json(who.stack)}};
}
Json json_of(const model::FileUse& who) { return {{"path", text_or_null(who.path)}, {"op", text_or_null(who.op)}}; }
Json json_of(const model::SocketEnds& who) {
  return {{"protocol", text_or_null(who.protocol)},
          {"local", text_or_null(who.local)},
          {"peer", text_or_null(who.peer)},
          {"dns", value_or_null(who.dns)}};
}
Json json_of(const model::ChildProcess& who) {
  return {{"pid", nonzero_or_null(who.pid)}, {"comm", text_or_null(who.comm)}};
}
Json json_of(const model::NativeFunction& who) {
  return {{"library", text_or_null(who.library)}, {"function", text_or_null(who.function)}};
}
Json json_of(const model::MappedFile& who) { return {{"path", text_or_null(who.path)}}; }
Json json_of(const model::LockAt& who) {
  Json holder;
  if (who.holder) {
    holder = {{"kind", "thread"},
              {"tid", who.holder->tid},
              {"name", text_or_null(who.holder->thread)},
              {"stack", stack_json(who.holder->stack)},
              {"how", model::name(who.holder->how)}};
  }
  return {{"address", nonzero_or_null(who.address)}, {"name", text_or_null(who.name)}, {"holder", std::move(holder)}};
}
Json json_of(const model::Runners& who) {
  auto running = Json::array();
  for (const auto& [pid, comm, ns] : who.running) running.push_back({{"pid", pid}, {"comm", comm}, {"ns", ns}});
  return {{"running", std::move(running)}};
}
Json json_of(const model::CpuQuota& who) {
  return {{"cgroup", text_or_null(who.cgroup)},
          {"quota_us", nonzero_or_null(who.quota_us)},
          {"period_us", nonzero_or_null(who.period_us)}};
}

}  // namespace

Json culprit_json(const std::optional<model::Culprit>& culprit) {
  return culprit ? std::visit([](const auto& who) { return json_of(who); }, *culprit) : Json(nullptr);
}

namespace {

// Null unless they were looked at.
Json other_threads_json(const model::Stall& stall) {
  if (stall.other_threads.empty()) return nullptr;
  auto threads = Json::array();
  for (const auto& [tid, thread, stack] : stall.other_threads)
    threads.push_back({{"tid", tid}, {"thread", thread}, {"stack", stack_json(stack)}});
  return threads;
}

}  // namespace

Json causes_json(const std::array<std::uint64_t, model::kCauses>& cause_ns) {
  auto causes = Json::object();
  for (std::size_t i = 0; i < model::kCauses; ++i) {
    if (cause_ns[i] != 0) causes[std::string(model::name(static_cast<Cause>(i)))] = cause_ns[i];
  }
  return causes;
}

Json losses_json(const model::LossCounts& counts) {
  auto losses = Json::object();
  for (std::size_t i = 0; i < model::kLosses; ++i)
    losses[std::string(model::name(static_cast<model::Loss>(i)))] = counts[i];
  return losses;
}

Json cost_json(const model::Cost& cost) {
  return {{"bpf_ns", value_or_null(cost.bpf_ns)},
          {"runs", value_or_null(cost.runs)},
          {"measured_ns", value_or_null(cost.measured_ns)},
          {"cpu_ns", value_or_null(cost.cpu_ns)},
          {"rss_bytes", value_or_null(cost.rss_bytes)}};
}

namespace {

Json segment_json(const model::Segment& segment) {
  Json object{{"cause", model::name(segment.cause)},
              {"ns", segment.ns},
              {"count", segment.count},
              {"syscall", text_or_null(segment.syscall)},
              {"culprit", culprit_json(segment.culprit)},
              {"stack", segment.stack ? stack_json(*segment.stack) : Json(nullptr)}};
  if (segment.stack_unreadable) object["stack_cut"] = "unreadable";
  if (segment.stack_too_deep) object["stack_cut"] = "too-deep";
  return object;
}

Json task_json(const std::optional<model::Task>& task) {
  if (!task) return nullptr;
  return {{"name", value_or_null(task->name)},
          {"coroutine", text_or_null(task->coroutine)},
          {"file", text_or_null(task->file)},
          {"line", nonzero_or_null(task->line)}};
}

// Null: nobody looked.
Json hangs_json(const model::Summary& summary) {
  if (summary.hang_looks == 0) return nullptr;
  const auto proved = std::ranges::count_if(summary.hangs,
                                            [](const model::Hang& hang) { return model::is_final(hang.verdict); });
  return {{"looks", summary.hang_looks}, {"reported", summary.hangs.size()}, {"proved", proved}};
}

Json leaks_json(const model::Summary& summary) {
  if (!summary.last_leak_scan) return nullptr;
  return {{"age_ns", model::kDefaultLeakAgeNs},
          {"leaks", leak_counts_json(model::count_leaks(summary.leaks, true))},
          {"candidates", leak_counts_json(model::count_leaks(summary.leaks, false))},
          {"not_judged", summary.last_leak_scan->unclassified}};
}

Json place_json(const model::Place& place) {
  return {{"cause", model::name(place.cause)},
          {"syscall", text_or_null(place.syscall)},
          {"function", text_or_null(place.function)},
          {"file", text_or_null(place.file)},
          {"line", nonzero_or_null(place.line)},
          {"coroutine", text_or_null(place.coroutine)},
          {"advice", text_or_null(place.advice)},
          {"others", place.others},
          {"ns", place.ns},
          {"stalls", place.stalls},
          {"max_ns", place.max_ns}};
}

Json loop_json(const model::LoopSummary& loop) {
  return {{"pid", loop.pid},
          {"tid", loop.tid},
          {"thread", text_or_null(loop.thread)},
          {"kind", name(loop.kind)},
          {"iterations", loop.iterations},
          {"busy_ns", loop.busy_ns},
          {"p50_ns", loop.p50_ns},
          {"p99_ns", loop.p99_ns},
          {"max_ns", loop.max_ns},
          {"stalls", loop.stalls}};
}

Json held_up_json(const model::HeldUp& held) {
  if (!held.tasks && !held.timers) return nullptr;
  return {{"tasks", value_or_null(held.tasks)},
          {"timers", value_or_null(held.timers)},
          {"timers_at_least", held.more_timers},
          {"timers_late_ns", held.timers ? Json(held.timers_late_ns) : Json(nullptr)}};
}

}  // namespace

Status JsonOutput::watching(const model::Watching& watching) {
  auto targets = Json::array();
  for (const auto& target : watching.targets) {
    targets.push_back({{"pid", target.pid},
                       {"comm", text_or_null(target.comm)},
                       {"python", value_or_null(target.python)},
                       {"loops", target.loops}});
  }
  return sink_.write_line(line_of({{"type", "watching"},
                                   {"schema", model::kSchema},
                                   {"time", utc_time(watching.time_ns, context_)},
                                   {"version", watching.version},
                                   {"kernel", text_or_null(watching.kernel)},
                                   {"warn_ns", watching.warn_ns},
                                   {"error_ns", watching.error_ns},
                                   {"targets", std::move(targets)}}));
}

Status JsonOutput::stall(const model::Stall& stall) {
  auto segments = Json::array();
  for (const auto& segment : stall.segments) segments.push_back(segment_json(segment));
  return sink_.write_line(
      line_of({{"type", "stall"},
               {"id", stall.id},
               {"time", utc_time(stall.start_ns, context_)},
               {"start_ns", stall.start_ns},
               {"duration_ns", stall.duration_ns},
               {"level", stall.error ? "error" : "warn"},
               {"ongoing", stall.ongoing},
               {"at_least", stall.at_least},
               {"start_known", !stall.at_least || stall.start_known},
               {"held_up", held_up_json(stall.held_up)},
               {"pid", stall.pid},
               {"tid", stall.tid},
               {"thread", text_or_null(stall.thread)},
               {"loop", {{"kind", name(stall.loop_kind)}, {"epfd", stall.epfd < 0 ? Json(nullptr) : Json(stall.epfd)}}},
               {"task", task_json(stall.task)},
               {"causes", causes_json(stall.cause_ns)},
               {"segments", std::move(segments)},
               {"callbacks", stall.callbacks
                                 ? Json{{"count", stall.callbacks->count}, {"longest_ns", stall.callbacks->longest_ns}}
                                 : Json(nullptr)},
               {"other_threads", other_threads_json(stall)},
               {"losses", stall.losses}}));
}

Status JsonOutput::summary(const model::Summary& summary) {
  auto loops = Json::array();
  for (const auto& loop : summary.loops) loops.push_back(loop_json(loop));
  auto places = Json::array();
  for (const auto& place : summary.places) places.push_back(place_json(place));
  return sink_.write_line(line_of({{"type", "summary"},
                                   {"time", utc_time(summary.time_ns, context_)},
                                   {"elapsed_ns", summary.elapsed_ns},
                                   {"stalls", summary.stalls},
                                   {"errors", summary.errors},
                                   {"loops", std::move(loops)},
                                   {"causes", causes_json(summary.cause_ns)},
                                   {"places", std::move(places)},
                                   {"leaks", leaks_json(summary)},
                                   {"hangs", hangs_json(summary)},
                                   {"losses", losses_json(summary.losses)},
                                   {"cost", cost_json(summary.cost)}}));
}

}  // namespace aiotrace::output
