#include "output/trace/perfetto.h"

#include <fmt/format.h>

#include <algorithm>
#include <protozero/pbf_builder.hpp>

#include "model/bounded_text.h"
#include "model/cause.h"
#include "output/labels.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using model::Cause;
using Arguments = PerfettoTrace::Arguments;
using Lane = PerfettoLane;

// Messages of protos/perfetto/trace/*.proto with the numbers of their fields.
enum class TraceField : protozero::pbf_tag_type { packet = 1 };
enum class Packet : protozero::pbf_tag_type {
  clock_snapshot = 6,
  timestamp = 8,
  sequence_id = 10,
  track_event = 11,
  sequence_flags = 13,
  timestamp_clock_id = 58,
  track_descriptor = 60
};
enum class ClockSnapshot : protozero::pbf_tag_type { clocks = 1, primary_trace_clock = 2 };
enum class ClockReading : protozero::pbf_tag_type { clock_id = 1, timestamp = 2 };
enum class Track : protozero::pbf_tag_type {
  uuid = 1,
  name = 2,
  process = 3,
  thread = 4,
  parent_uuid = 5,
  counter = 8
};
enum class ProcessOf : protozero::pbf_tag_type { pid = 1, name = 6 };
enum class ThreadOf : protozero::pbf_tag_type { pid = 1, tid = 2, name = 5 };
enum class Event : protozero::pbf_tag_type {
  annotation = 4,
  type = 9,
  track_uuid = 11,
  category = 22,
  name = 23,
  counter_value = 30
};
enum class Annotation : protozero::pbf_tag_type { string = 6, name = 10 };

template <class Field>
using Message = protozero::pbf_builder<Field>;

// Values of BuiltinClock and of TrackEvent.Type.
constexpr std::uint64_t kRealtime = 1;
constexpr std::uint64_t kMonotonic = 3;
constexpr std::uint64_t kSliceBegin = 1;
constexpr std::uint64_t kSliceEnd = 2;
constexpr std::uint64_t kInstant = 3;
constexpr std::uint64_t kCounterType = 4;

constexpr std::uint64_t kSequence = 1;
constexpr std::uint64_t kStateCleared = 1;

constexpr std::size_t kMaxName = 1024;

std::string safe_name(std::string_view text) { return model::bounded_text(valid_utf8(text), kMaxName); }

constexpr std::uint64_t kProcessTracks = std::uint64_t{1} << 62;
constexpr std::uint64_t kCounterTracks = std::uint64_t{1} << 61;

// Never 0, because that is the trace itself.
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
  Message<TraceField> trace(out_);
  Message<Packet> packet(trace, TraceField::packet);
  {
    Message<ClockSnapshot> snapshot(packet, Packet::clock_snapshot);
    const auto add = [&snapshot](std::uint64_t id, std::uint64_t time_ns) {
      Message<ClockReading> reading(snapshot, ClockSnapshot::clocks);
      reading.add_uint64(ClockReading::clock_id, id);
      reading.add_uint64(ClockReading::timestamp, time_ns);
    };
    add(kMonotonic, start_ns);
    add(kRealtime, static_cast<std::uint64_t>(unix_ns));
    snapshot.add_uint64(ClockSnapshot::primary_trace_clock, kMonotonic);
  }
  packet.add_uint64(Packet::sequence_flags, kStateCleared);
  packet.add_uint64(Packet::sequence_id, kSequence);
}

// A packet whose track descriptor is completed by `describe`.
template <class Describe>
void PerfettoTrace::add_track(std::uint64_t uuid, const Describe& describe) {
  Message<TraceField> trace(out_);
  Message<Packet> packet(trace, TraceField::packet);
  {
    Message<Track> track(packet, Packet::track_descriptor);
    track.add_uint64(Track::uuid, uuid);
    describe(track);
  }
  packet.add_uint64(Packet::sequence_id, kSequence);
}

// A packet whose event is completed by `more`.
template <class More>
void PerfettoTrace::add_event(std::uint64_t time_ns, std::uint64_t type, std::uint64_t track, const More& more) {
  Message<TraceField> trace(out_);
  Message<Packet> packet(trace, TraceField::packet);
  packet.add_uint64(Packet::timestamp, time_ns);
  packet.add_uint64(Packet::timestamp_clock_id, kMonotonic);
  {
    Message<Event> track_event(packet, Packet::track_event);
    track_event.add_uint64(Event::type, type);
    track_event.add_uint64(Event::track_uuid, track);
    more(track_event);
  }
  packet.add_uint64(Packet::sequence_id, kSequence);
}

void PerfettoTrace::declare_process(std::uint32_t pid, const std::string& name) {
  if (!processes_.insert(pid).second) return;
  add_track(kProcessTracks | pid, [&](Message<Track>& track) {
    Message<ProcessOf> process(track, Track::process);
    process.add_uint64(ProcessOf::pid, pid);
    process.add_string(ProcessOf::name, safe_name(name));
  });
}

void PerfettoTrace::declare_thread(std::uint32_t pid, std::uint32_t tid, const std::string& name) {
  if (!threads_.insert({pid, tid}).second) return;
  add_track(uuid(tid, Lane::thread), [&](Message<Track>& track) {
    {
      Message<ThreadOf> thread(track, Track::thread);
      thread.add_uint64(ThreadOf::pid, pid);
      thread.add_uint64(ThreadOf::tid, tid);
      thread.add_string(ThreadOf::name, safe_name(name));
    }
    track.add_uint64(Track::parent_uuid, kProcessTracks | pid);
  });
  named_track(tid, Lane::gil_holder, "GIL held by");
  named_track(tid, Lane::no_cpu, "had the CPU instead");
}

void PerfettoTrace::declare_counter(std::uint32_t pid, std::uint32_t number, std::string_view name) {
  if (!counters_.insert(number).second) return;
  add_track(kCounterTracks | number, [&](Message<Track>& track) {
    track.add_string(Track::name, safe_name(name));
    track.add_uint64(Track::parent_uuid, kProcessTracks | pid);
    track.add_message(Track::counter, std::string());
  });
}

void PerfettoTrace::slice(std::uint32_t tid, Lane lane, std::uint64_t start_ns, std::uint64_t end_ns,
                          std::string_view category, std::string_view name, const Arguments& arguments) {
  begin(tid, lane, start_ns, category, name, arguments);
  end(tid, lane, end_ns);
}

void PerfettoTrace::begin(std::uint32_t tid, Lane lane, std::uint64_t time_ns, std::string_view category,
                          std::string_view name, const Arguments& arguments) {
  named_event(kSliceBegin, uuid(tid, lane), time_ns, category, name, arguments);
}

void PerfettoTrace::instant(std::uint32_t pid, std::uint64_t time_ns, std::string_view category, std::string_view name,
                            const Arguments& arguments) {
  named_event(kInstant, kProcessTracks | pid, time_ns, category, name, arguments);
}

void PerfettoTrace::named_event(std::uint64_t type, std::uint64_t track, std::uint64_t time_ns,
                                std::string_view category, std::string_view name, const Arguments& arguments) {
  add_event(time_ns, type, track, [&](Message<Event>& track_event) {
    track_event.add_string(Event::category, category.data(), category.size());
    track_event.add_string(Event::name, safe_name(name));
    for (const auto& [key, value] : arguments) {
      if (value.empty()) continue;
      Message<Annotation> annotation(track_event, Event::annotation);
      annotation.add_string(Annotation::name, key.data(), key.size());
      annotation.add_string(Annotation::string, safe_name(value));
    }
  });
}

void PerfettoTrace::end(std::uint32_t tid, Lane lane, std::uint64_t time_ns) {
  add_event(time_ns, kSliceEnd, uuid(tid, lane), [](Message<Event>&) {});
}

void PerfettoTrace::count(std::uint32_t number, std::uint64_t time_ns, std::uint64_t value) {
  add_event(time_ns, kCounterType, kCounterTracks | number,
            [value](Message<Event>& track_event) { track_event.add_uint64(Event::counter_value, value); });
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
  add_track(uuid(tid, lane), [&](Message<Track>& track) {
    track.add_string(Track::name, name.data(), name.size());
    track.add_uint64(Track::parent_uuid, uuid(tid, Lane::thread));
  });
}

}  // namespace aiotrace::output
