#include "output/trace/perfetto_stalls.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "model/cause.h"
#include "output/labels.h"
#include "output/text/hangs.h"
#include "output/trace/perfetto.h"
#include "util/duration.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using Arguments = PerfettoTrace::Arguments;
using Lane = PerfettoLane;

std::string process_name(const Report& report, std::uint32_t pid) {
  for (const auto& target : report.watching.targets) {
    if (target.pid == pid) return target.comm;
  }
  return "";
}

std::string thread_name(const Report& report, std::uint32_t pid, std::uint32_t tid) {
  for (const auto& loop : report.summary.loops) {
    if (loop.pid == pid && loop.tid == tid) return loop.thread;
  }
  return "";
}

Arguments stall_arguments(const model::Stall& stall) {
  std::string causes;
  for (std::size_t i = 0; i < model::kCauses; ++i) {
    if (stall.cause_ns[i] == 0) continue;
    causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", model::name(static_cast<Cause>(i)),
                          format_ms_ns(stall.cause_ns[i]));
  }
  Arguments arguments{{"causes", causes}};
  if (stall.task) {
    arguments.emplace_back("task", task_label(*stall.task));
    if (!stall.task->file.empty())
      arguments.emplace_back("coroutine defined at", fmt::format("{}:{}", stall.task->file, stall.task->line));
  }
  const auto frames = std::ranges::find_if(stall.segments,
                                           [](const auto& segment) { return segment.stack.has_value(); });
  if (frames != stall.segments.end()) {
    std::string stack;
    for (const auto& frame : *frames->stack) stack += (stack.empty() ? "" : " < ") + perfetto_frame(frame);
    arguments.emplace_back("stack of the largest part", stack);
  }
  if (stall.at_least) arguments.emplace_back("began", "before aiotrace could see it");
  if (stall.ongoing) arguments.emplace_back("ended", "not seen");
  return arguments;
}

std::string hang_waiters(const model::Hang& hang, const OutputContext& context) {
  std::string text;
  const auto lines = hang_lines(hang, context.plain());
  for (std::size_t i = 1; i < lines.size(); ++i) text += (i == 1 ? "" : "\n") + lines[i];
  return text;
}

}  // namespace

std::string perfetto_trace(const Report& report) {
  PerfettoTrace trace(report.start_ns(), report.start_unix_ns());
  const auto declare = [&](std::uint32_t pid, std::uint32_t tid) {
    trace.declare_process(pid, process_name(report, pid));
    trace.declare_thread(pid, tid, thread_name(report, pid, tid));
  };
  for (const auto& loop : report.summary.loops) declare(loop.pid, loop.tid);
  std::unordered_map<std::uint64_t, const model::Stall*> whole;
  const auto detailed = report.log.detailed();
  for (const auto& stall : detailed) whole[stall.id] = &stall;
  for (const auto& brief : report.log.all()) {
    declare(brief.pid, brief.tid);
    const auto end_ns = brief.start_ns + brief.duration_ns;
    const auto name = fmt::format("stall {}: {}", format_duration_ns(brief.duration_ns), model::name(brief.cause));
    const auto found = whole.find(brief.id);
    const auto* stall = found == whole.end() ? nullptr : found->second;
    trace.begin(brief.tid, Lane::thread, brief.start_ns, brief.error ? "stall,error" : "stall", name,
                stall != nullptr ? stall_arguments(*stall) : Arguments{});
    if (stall != nullptr) {
      const bool has_task = stall->task.has_value();
      if (has_task) trace.begin(brief.tid, Lane::thread, brief.start_ns, "task", task_label(*stall->task), {});
      trace.add_moments(stall->tid, stall->start_ns, stall->start_ns + stall->duration_ns, stall->moments);
      if (has_task) trace.end(brief.tid, Lane::thread, end_ns);
    }
    trace.end(brief.tid, Lane::thread, end_ns);
  }
  for (const auto& hang : report.summary.hangs) {
    trace.declare_process(hang.pid, process_name(report, hang.pid));
    trace.instant(hang.pid, std::max(hang.since_ns.value_or(0), report.start_ns()), "hang", hang_headline(hang),
                  {{"waits", hang_waiters(hang, report.context)}});
  }
  return trace.take();
}

}  // namespace aiotrace::output
