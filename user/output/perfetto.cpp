#include "output/perfetto.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/bounded_text.h"
#include "model/cause.h"
#include "output/labels.h"
#include "output/protobuf.h"
#include "util/duration.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;

// Field numbers and values of protos/perfetto/trace/*.proto.
constexpr std::uint32_t kTracePacket = 1;
namespace packet {
constexpr std::uint32_t kClockSnapshot = 6;
constexpr std::uint32_t kTimestamp = 8;
constexpr std::uint32_t kSequenceId = 10;
constexpr std::uint32_t kTrackEvent = 11;
constexpr std::uint32_t kSequenceFlags = 13;
constexpr std::uint32_t kTimestampClockId = 58;
constexpr std::uint32_t kTrackDescriptor = 60;
}  // namespace packet
namespace clock_snapshot {
constexpr std::uint32_t kClocks = 1;
constexpr std::uint32_t kPrimaryTraceClock = 2;
constexpr std::uint32_t kClockId = 1;
constexpr std::uint32_t kTimestamp = 2;
constexpr std::uint64_t kRealtime = 1;
constexpr std::uint64_t kMonotonic = 3;
}  // namespace clock_snapshot
namespace track {
constexpr std::uint32_t kUuid = 1;
constexpr std::uint32_t kName = 2;
constexpr std::uint32_t kProcess = 3;
constexpr std::uint32_t kThread = 4;
constexpr std::uint32_t kParentUuid = 5;
constexpr std::uint32_t kProcessPid = 1;
constexpr std::uint32_t kProcessName = 6;
constexpr std::uint32_t kThreadPid = 1;
constexpr std::uint32_t kThreadTid = 2;
constexpr std::uint32_t kThreadName = 5;
}  // namespace track
namespace event {
constexpr std::uint32_t kAnnotation = 4;
constexpr std::uint32_t kType = 9;
constexpr std::uint32_t kTrackUuid = 11;
constexpr std::uint32_t kCategory = 22;
constexpr std::uint32_t kName = 23;
constexpr std::uint64_t kSliceBegin = 1;
constexpr std::uint64_t kSliceEnd = 2;
constexpr std::uint32_t kAnnotationString = 6;
constexpr std::uint32_t kAnnotationName = 10;
}  // namespace event
constexpr std::uint64_t kSequence = 1;
constexpr std::uint64_t kStateCleared = 1;

constexpr std::size_t kMaxName = 1024;

std::string safe_name(std::string_view text) { return model::bounded_text(valid_utf8(text), kMaxName); }

std::string frame_label(const model::Frame& frame) {
  auto text = frame.function.empty() ? std::string("?") : frame.function;
  if (frame.file.empty()) return text;
  return frame.line == 0 ? text + " (" + frame.file + ")" : fmt::format("{} ({}:{})", text, frame.file, frame.line);
}

using Arguments = std::vector<std::pair<std::string_view, std::string>>;

// Slices of one thread lie on its tracks; these are the tracks' numbers, from the thread's id.
enum class Lane : std::uint64_t { thread, gil_holder, no_cpu };

class Trace {
 public:
  explicit Trace(const Report& report) : report_(report) { clock(); }

  // The tracks of a thread, and its process's before them. Called for each stall, writes once.
  void declare(std::uint32_t pid, std::uint32_t tid) {
    if (processes_.insert(pid).second) {
      Message process;
      process.number(track::kProcessPid, pid);
      process.text(track::kProcessName, safe_name(process_name(pid)));
      Message descriptor;
      descriptor.number(track::kUuid, kProcessTracks | pid);
      descriptor.message(track::kProcess, process);
      descriptor_packet(descriptor);
    }
    if (!threads_.insert({pid, tid}).second) return;
    Message thread;
    thread.number(track::kThreadPid, pid);
    thread.number(track::kThreadTid, tid);
    thread.text(track::kThreadName, safe_name(thread_name(pid, tid)));
    Message descriptor;
    descriptor.number(track::kUuid, uuid(tid, Lane::thread));
    descriptor.message(track::kThread, thread);
    descriptor.number(track::kParentUuid, kProcessTracks | pid);
    descriptor_packet(descriptor);
    named_track(tid, Lane::gil_holder, "GIL held by");
    named_track(tid, Lane::no_cpu, "had the CPU instead");
  }

  void slice(std::uint32_t tid, Lane lane, std::uint64_t start_ns, std::uint64_t end_ns, std::string_view category,
             std::string_view name, const Arguments& arguments) {
    begin(tid, lane, start_ns, category, name, arguments);
    end(tid, lane, end_ns);
  }

  void begin(std::uint32_t tid, Lane lane, std::uint64_t time_ns, std::string_view category, std::string_view name,
             const Arguments& arguments) {
    Message track_event;
    track_event.number(event::kType, event::kSliceBegin);
    track_event.number(event::kTrackUuid, uuid(tid, lane));
    track_event.text(event::kCategory, category);
    track_event.text(event::kName, safe_name(name));
    for (const auto& [key, value] : arguments) {
      if (value.empty()) continue;
      Message annotation;
      annotation.text(event::kAnnotationName, key);
      annotation.text(event::kAnnotationString, safe_name(value));
      track_event.message(event::kAnnotation, annotation);
    }
    event_packet(time_ns, track_event);
  }

  void end(std::uint32_t tid, Lane lane, std::uint64_t time_ns) {
    Message track_event;
    track_event.number(event::kType, event::kSliceEnd);
    track_event.number(event::kTrackUuid, uuid(tid, lane));
    event_packet(time_ns, track_event);
  }

  [[nodiscard]] std::string take() { return out_.take(); }

 private:
  static constexpr std::uint64_t kProcessTracks = std::uint64_t{1} << 62;

  // Never 0, which would be the trace itself.
  static std::uint64_t uuid(std::uint32_t tid, Lane lane) {
    constexpr unsigned kLaneBits = 4;
    return ((std::uint64_t{tid} << kLaneBits) | static_cast<std::uint64_t>(lane)) + 1;
  }

  [[nodiscard]] std::string process_name(std::uint32_t pid) const {
    for (const auto& target : report_.watching.targets) {
      if (target.pid == pid) return target.comm;
    }
    return "";
  }

  [[nodiscard]] std::string thread_name(std::uint32_t pid, std::uint32_t tid) const {
    for (const auto& loop : report_.summary.loops) {
      if (loop.pid == pid && loop.tid == tid) return loop.thread;
    }
    return "";
  }

  void clock() {
    const auto at = [](std::uint64_t id, std::uint64_t time_ns) {
      Message reading;
      reading.number(clock_snapshot::kClockId, id);
      reading.number(clock_snapshot::kTimestamp, time_ns);
      return reading;
    };
    Message snapshot;
    snapshot.message(clock_snapshot::kClocks, at(clock_snapshot::kMonotonic, report_.start_ns()));
    snapshot.message(clock_snapshot::kClocks,
                     at(clock_snapshot::kRealtime, static_cast<std::uint64_t>(report_.start_unix_ns())));
    snapshot.number(clock_snapshot::kPrimaryTraceClock, clock_snapshot::kMonotonic);
    Message packet;
    packet.message(packet::kClockSnapshot, snapshot);
    packet.number(packet::kSequenceFlags, kStateCleared);
    finish(packet);
  }

  void named_track(std::uint32_t tid, Lane lane, std::string_view name) {
    Message descriptor;
    descriptor.number(track::kUuid, uuid(tid, lane));
    descriptor.text(track::kName, name);
    descriptor.number(track::kParentUuid, uuid(tid, Lane::thread));
    descriptor_packet(descriptor);
  }

  void descriptor_packet(const Message& descriptor) {
    Message packet;
    packet.message(packet::kTrackDescriptor, descriptor);
    finish(packet);
  }

  void event_packet(std::uint64_t time_ns, const Message& track_event) {
    Message packet;
    packet.number(packet::kTimestamp, time_ns);
    packet.number(packet::kTimestampClockId, clock_snapshot::kMonotonic);
    packet.message(packet::kTrackEvent, track_event);
    finish(packet);
  }

  void finish(Message& packet) {
    packet.number(packet::kSequenceId, kSequence);
    out_.message(kTracePacket, packet);
  }

  const Report& report_;
  Message out_;
  std::set<std::uint32_t> processes_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> threads_;
};

std::string moment_name(const model::Moment& moment) {
  std::string text(model::name(moment.cause));
  if (!moment.syscall.empty()) text += " " + moment.syscall;
  if (moment.frame) text += " in " + moment.frame->function;
  return text;
}

Arguments moment_arguments(const model::Moment& moment) {
  Arguments arguments;
  if (moment.frame) arguments.emplace_back("frame", frame_label(*moment.frame));
  if (!moment.culprit) return arguments;
  arguments.emplace_back("culprit", culprit_label(moment.cause, *moment.culprit));
  if (!moment.culprit->stack.empty()) {
    std::string holder;
    for (const auto& frame : moment.culprit->stack) holder += (holder.empty() ? "" : " < ") + frame_label(frame);
    arguments.emplace_back("holder's stack", holder);
  }
  return arguments;
}

void add_moments(Trace& trace, const model::Stall& stall) {
  const auto stall_end = stall.start_ns + stall.duration_ns;
  auto from = stall.start_ns;
  for (const auto& moment : stall.moments) {
    // Slices of a track must lie inside each other: two clocks may differ by a little.
    const auto start = std::max(moment.start_ns, from);
    const auto end = std::min(moment.start_ns + moment.ns, stall_end);
    if (start >= end) continue;
    from = end;
    const auto arguments = moment_arguments(moment);
    trace.slice(stall.tid, Lane::thread, start, end, model::name(moment.cause), moment_name(moment), arguments);
    if (moment.cause == Cause::gil) {
      const bool known = moment.culprit && moment.culprit->tid != 0;
      const auto who = known ? fmt::format("{} (tid {})", moment.culprit->thread, moment.culprit->tid) : "not known";
      trace.slice(stall.tid, Lane::gil_holder, start, end, "gil", who, arguments);
    } else if (moment.cause == Cause::cpu_wait || moment.cause == Cause::throttled) {
      std::string who = moment.cause == Cause::throttled ? "nobody: quota used up" : "not known";
      if (moment.culprit && !moment.culprit->running.empty()) {
        const auto& runner = moment.culprit->running.front();
        who = fmt::format("{} (pid {})", runner.comm, runner.pid);
      }
      trace.slice(stall.tid, Lane::no_cpu, start, end, model::name(moment.cause), who, arguments);
    }
  }
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
    for (const auto& frame : *frames->stack) stack += (stack.empty() ? "" : " < ") + frame_label(frame);
    arguments.emplace_back("stack of the largest part", stack);
  }
  if (stall.at_least) arguments.emplace_back("began", "before aiotrace could see it");
  if (stall.ongoing) arguments.emplace_back("ended", "not seen");
  return arguments;
}

}  // namespace

std::string perfetto_trace(const Report& report) {
  Trace trace(report);
  for (const auto& loop : report.summary.loops) trace.declare(loop.pid, loop.tid);
  std::unordered_map<std::uint64_t, const model::Stall*> whole;
  const auto detailed = report.log.detailed();
  for (const auto& stall : detailed) whole[stall.id] = &stall;
  for (const auto& brief : report.log.all()) {
    trace.declare(brief.pid, brief.tid);
    const auto end_ns = brief.start_ns + brief.duration_ns;
    const auto name = fmt::format("stall {}: {}", format_duration_ns(brief.duration_ns), model::name(brief.cause));
    const auto found = whole.find(brief.id);
    const auto* stall = found == whole.end() ? nullptr : found->second;
    trace.begin(brief.tid, Lane::thread, brief.start_ns, brief.error ? "stall,error" : "stall", name,
                stall != nullptr ? stall_arguments(*stall) : Arguments{});
    if (stall != nullptr) {
      const bool has_task = stall->task.has_value();
      if (has_task) trace.begin(brief.tid, Lane::thread, brief.start_ns, "task", task_label(*stall->task), {});
      add_moments(trace, *stall);
      if (has_task) trace.end(brief.tid, Lane::thread, end_ns);
    }
    trace.end(brief.tid, Lane::thread, end_ns);
  }
  return trace.take();
}

}  // namespace aiotrace::output
