#include "output/perfetto_trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/bounded_text.h"
#include "model/cause.h"
#include "output/labels.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using Arguments = PerfettoTrace::Arguments;
using Lane = PerfettoLane;

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
constexpr std::uint32_t kCounter = 8;
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
constexpr std::uint32_t kCounterValue = 30;
constexpr std::uint64_t kSliceBegin = 1;
constexpr std::uint64_t kSliceEnd = 2;
constexpr std::uint64_t kInstant = 3;
constexpr std::uint64_t kCounterType = 4;
constexpr std::uint32_t kAnnotationString = 6;
constexpr std::uint32_t kAnnotationName = 10;
}  // namespace event
constexpr std::uint64_t kSequence = 1;
constexpr std::uint64_t kStateCleared = 1;

constexpr std::size_t kMaxName = 1024;

std::string safe_name(std::string_view text) { return model::bounded_text(valid_utf8(text), kMaxName); }

constexpr std::uint64_t kProcessTracks = std::uint64_t{1} << 62;
constexpr std::uint64_t kCounterTracks = std::uint64_t{1} << 61;

// Never 0, which would be the trace itself.
std::uint64_t uuid(std::uint32_t tid, Lane lane) {
  constexpr unsigned kLaneBits = 4;
  return ((std::uint64_t{tid} << kLaneBits) | static_cast<std::uint64_t>(lane)) + 1;
}

std::string moment_name(const model::Moment& moment) {
  std::string text(model::name(moment.cause));
  if (!moment.syscall.empty()) text += " " + moment.syscall;
  if (moment.frame) text += " in " + moment.frame->function;
  return text;
}

Arguments moment_arguments(const model::Moment& moment) {
  Arguments arguments;
  if (moment.frame) arguments.emplace_back("frame", perfetto_frame(*moment.frame));
  if (!moment.culprit) return arguments;
  arguments.emplace_back("culprit", culprit_label(*moment.culprit));
  if (const auto* of_gil = model::culprit_as<model::GilHolder>(moment.culprit);
      of_gil != nullptr && !of_gil->stack.empty()) {
    std::string holder;
    for (const auto& frame : of_gil->stack) holder += (holder.empty() ? "" : " < ") + perfetto_frame(frame);
    arguments.emplace_back("holder's stack", holder);
  }
  return arguments;
}

}  // namespace

std::string perfetto_frame(const model::Frame& frame) {
  auto text = frame.function.empty() ? std::string("?") : frame.function;
  if (frame.file.empty()) return text;
  return frame.line == 0 ? text + " (" + frame.file + ")" : fmt::format("{} ({}:{})", text, frame.file, frame.line);
}

PerfettoTrace::PerfettoTrace(std::uint64_t start_ns, std::int64_t unix_ns) {
  const auto at = [](std::uint64_t id, std::uint64_t time_ns) {
    Message reading;
    reading.number(clock_snapshot::kClockId, id);
    reading.number(clock_snapshot::kTimestamp, time_ns);
    return reading;
  };
  Message snapshot;
  snapshot.message(clock_snapshot::kClocks, at(clock_snapshot::kMonotonic, start_ns));
  snapshot.message(clock_snapshot::kClocks, at(clock_snapshot::kRealtime, static_cast<std::uint64_t>(unix_ns)));
  snapshot.number(clock_snapshot::kPrimaryTraceClock, clock_snapshot::kMonotonic);
  Message packet;
  packet.message(packet::kClockSnapshot, snapshot);
  packet.number(packet::kSequenceFlags, kStateCleared);
  finish(packet);
}

void PerfettoTrace::declare_process(std::uint32_t pid, const std::string& name) {
  if (!processes_.insert(pid).second) return;
  Message process;
  process.number(track::kProcessPid, pid);
  process.text(track::kProcessName, safe_name(name));
  Message descriptor;
  descriptor.number(track::kUuid, kProcessTracks | pid);
  descriptor.message(track::kProcess, process);
  descriptor_packet(descriptor);
}

void PerfettoTrace::declare_thread(std::uint32_t pid, std::uint32_t tid, const std::string& name) {
  if (!threads_.insert({pid, tid}).second) return;
  Message thread;
  thread.number(track::kThreadPid, pid);
  thread.number(track::kThreadTid, tid);
  thread.text(track::kThreadName, safe_name(name));
  Message descriptor;
  descriptor.number(track::kUuid, uuid(tid, Lane::thread));
  descriptor.message(track::kThread, thread);
  descriptor.number(track::kParentUuid, kProcessTracks | pid);
  descriptor_packet(descriptor);
  named_track(tid, Lane::gil_holder, "GIL held by");
  named_track(tid, Lane::no_cpu, "had the CPU instead");
}

void PerfettoTrace::declare_counter(std::uint32_t pid, std::uint32_t number, std::string_view name) {
  if (!counters_.insert(number).second) return;
  Message descriptor;
  descriptor.number(track::kUuid, kCounterTracks | number);
  descriptor.text(track::kName, safe_name(name));
  descriptor.number(track::kParentUuid, kProcessTracks | pid);
  descriptor.message(track::kCounter, Message());
  descriptor_packet(descriptor);
}

void PerfettoTrace::slice(std::uint32_t tid, Lane lane, std::uint64_t start_ns, std::uint64_t end_ns,
                          std::string_view category, std::string_view name, const Arguments& arguments) {
  begin(tid, lane, start_ns, category, name, arguments);
  end(tid, lane, end_ns);
}

void PerfettoTrace::begin(std::uint32_t tid, Lane lane, std::uint64_t time_ns, std::string_view category,
                          std::string_view name, const Arguments& arguments) {
  named_event(event::kSliceBegin, uuid(tid, lane), time_ns, category, name, arguments);
}

void PerfettoTrace::instant(std::uint32_t pid, std::uint64_t time_ns, std::string_view category, std::string_view name,
                            const Arguments& arguments) {
  named_event(event::kInstant, kProcessTracks | pid, time_ns, category, name, arguments);
}

void PerfettoTrace::named_event(std::uint64_t type, std::uint64_t track, std::uint64_t time_ns,
                                std::string_view category, std::string_view name, const Arguments& arguments) {
  Message track_event;
  track_event.number(event::kType, type);
  track_event.number(event::kTrackUuid, track);
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

void PerfettoTrace::end(std::uint32_t tid, Lane lane, std::uint64_t time_ns) {
  Message track_event;
  track_event.number(event::kType, event::kSliceEnd);
  track_event.number(event::kTrackUuid, uuid(tid, lane));
  event_packet(time_ns, track_event);
}

void PerfettoTrace::count(std::uint32_t number, std::uint64_t time_ns, std::uint64_t value) {
  Message track_event;
  track_event.number(event::kType, event::kCounterType);
  track_event.number(event::kTrackUuid, kCounterTracks | number);
  track_event.number(event::kCounterValue, value);
  event_packet(time_ns, track_event);
}

void PerfettoTrace::add_moments(std::uint32_t tid, std::uint64_t from_ns, std::uint64_t to_ns,
                                std::span<const model::Moment> moments) {
  auto from = from_ns;
  for (const auto& moment : moments) {
    // Slices of a track must lie inside each other: two clocks may differ by a little.
    const auto start = std::max(moment.start_ns, from);
    const auto end = std::min(moment.start_ns + moment.ns, to_ns);
    if (start >= end) continue;
    from = end;
    const auto arguments = moment_arguments(moment);
    slice(tid, Lane::thread, start, end, model::name(moment.cause), moment_name(moment), arguments);
    if (moment.cause == Cause::gil) {
      const auto* holder = model::culprit_as<model::GilHolder>(moment.culprit);
      const bool known = holder != nullptr && holder->tid != 0;
      const auto who = known ? fmt::format("{} (tid {})", holder->thread, holder->tid) : "not known";
      slice(tid, Lane::gil_holder, start, end, "gil", who, arguments);
    } else if (model::runnable(moment.cause)) {
      std::string who = moment.cause == Cause::throttled ? "nobody: quota used up" : "not known";
      if (const auto* runners = model::culprit_as<model::Runners>(moment.culprit);
          runners != nullptr && !runners->running.empty()) {
        const auto& runner = runners->running.front();
        who = fmt::format("{} (pid {})", runner.comm, runner.pid);
      }
      slice(tid, Lane::no_cpu, start, end, model::name(moment.cause), who, arguments);
    }
  }
}

void PerfettoTrace::named_track(std::uint32_t tid, Lane lane, std::string_view name) {
  Message descriptor;
  descriptor.number(track::kUuid, uuid(tid, lane));
  descriptor.text(track::kName, name);
  descriptor.number(track::kParentUuid, uuid(tid, Lane::thread));
  descriptor_packet(descriptor);
}

void PerfettoTrace::descriptor_packet(const Message& descriptor) {
  Message packet;
  packet.message(packet::kTrackDescriptor, descriptor);
  finish(packet);
}

void PerfettoTrace::event_packet(std::uint64_t time_ns, const Message& track_event) {
  Message packet;
  packet.number(packet::kTimestamp, time_ns);
  packet.number(packet::kTimestampClockId, clock_snapshot::kMonotonic);
  packet.message(packet::kTrackEvent, track_event);
  finish(packet);
}

void PerfettoTrace::finish(Message& packet) {
  packet.number(packet::kSequenceId, kSequence);
  out_.message(kTracePacket, packet);
}

}  // namespace aiotrace::output
