// The fields of everything that a recording holds, each list once for both directions. A change of any list is a new
// kRecordingFormat.
#pragma once

#include <concepts>
#include <type_traits>

#include "model/stall.h"
#include "model/summary.h"
#include "output/recording.h"
#include "output/wire.h"

namespace aiotrace::output {

/// T when it is read, const T when it is written.
template <class T, class What>
concept Is = std::same_as<std::remove_const_t<T>, What>;

template <class Wire, class... Fields>
void transfer_all(Wire& wire, Fields&... fields) {
  (transfer(wire, fields), ...);
}

template <class Wire, Is<model::Frame> T>
void transfer(Wire& wire, T& frame) {
  transfer_enum(wire, frame.kind, model::Frame::Kind::kernel);
  transfer_all(wire, frame.function, frame.file, frame.line);
}

template <class Wire, Is<model::Task> T>
void transfer(Wire& wire, T& task) {
  transfer_all(wire, task.name, task.coroutine, task.file, task.line);
}

template <class Wire, Is<model::Runner> T>
void transfer(Wire& wire, T& runner) {
  transfer_all(wire, runner.pid, runner.comm, runner.ns);
}

template <class Wire, Is<model::Culprit> T>
void transfer(Wire& wire, T& who) {
  transfer_all(wire, who.library, who.function, who.tid, who.thread, who.stack, who.path, who.op, who.protocol,
               who.local, who.peer, who.dns, who.pid, who.comm, who.address, who.running, who.cgroup, who.quota_us,
               who.period_us);
}

template <class Wire, Is<model::Segment> T>
void transfer(Wire& wire, T& segment) {
  transfer_enum(wire, segment.cause, static_cast<model::Cause>(model::kCauses - 1));
  transfer_all(wire, segment.ns, segment.count, segment.syscall, segment.culprit, segment.stack,
               segment.stack_unreadable, segment.stack_too_deep);
}

template <class Wire, Is<model::Moment> T>
void transfer(Wire& wire, T& moment) {
  transfer_all(wire, moment.start_ns, moment.ns);
  transfer_enum(wire, moment.cause, static_cast<model::Cause>(model::kCauses - 1));
  transfer_all(wire, moment.syscall, moment.frame, moment.culprit);
}

template <class Wire, Is<model::Stall::Callbacks> T>
void transfer(Wire& wire, T& callbacks) {
  transfer_all(wire, callbacks.count, callbacks.longest_ns);
}

template <class Wire, Is<model::Stall::OtherThread> T>
void transfer(Wire& wire, T& other) {
  transfer_all(wire, other.tid, other.thread, other.stack);
}

// One number, as it was when there was only the first of them: 0, 1, and 2 for both.
inline void transfer_start(Encoder& to, const model::Stall& stall) {
  to.number(stall.at_least ? (stall.start_known ? 2 : 1) : 0);
}
inline void transfer_start(Decoder& from, model::Stall& stall) {
  const auto start = from.number(2);
  stall.at_least = start != 0;
  stall.start_known = start == 2;
}

// Without its moments: they are a record of their own, in front of it.
template <class Wire, Is<model::Stall> T>
void transfer(Wire& wire, T& stall) {
  transfer_all(wire, stall.id, stall.start_ns, stall.duration_ns, stall.error, stall.ongoing);
  transfer_start(wire, stall);
  transfer_all(wire, stall.pid, stall.tid, stall.thread);
  transfer_enum(wire, stall.loop_kind, model::LoopKind::other);
  transfer_all(wire, stall.epfd, stall.task, stall.cause_ns, stall.segments, stall.losses, stall.callbacks,
               stall.other_threads);
}

template <class Wire, Is<model::Target> T>
void transfer(Wire& wire, T& target) {
  transfer_all(wire, target.pid, target.comm, target.python, target.loops);
}

template <class Wire, Is<model::Watching> T>
void transfer(Wire& wire, T& watching) {
  transfer_all(wire, watching.time_ns, watching.version, watching.kernel, watching.warn_ns, watching.error_ns,
               watching.targets, watching.all, watching.starting);
}

template <class Wire, Is<model::LoopSummary> T>
void transfer(Wire& wire, T& loop) {
  transfer_all(wire, loop.pid, loop.tid, loop.thread);
  transfer_enum(wire, loop.kind, model::LoopKind::other);
  transfer_all(wire, loop.iterations, loop.busy_ns, loop.p50_ns, loop.p99_ns, loop.max_ns, loop.stalls);
}

template <class Wire, Is<model::Place> T>
void transfer(Wire& wire, T& place) {
  transfer_enum(wire, place.cause, static_cast<model::Cause>(model::kCauses - 1));
  transfer_all(wire, place.syscall, place.function, place.file, place.line, place.coroutine, place.advice, place.others,
               place.ns, place.stalls, place.max_ns);
}

template <class Wire, Is<model::Cost> T>
void transfer(Wire& wire, T& cost) {
  transfer_all(wire, cost.bpf_ns, cost.runs, cost.measured_ns, cost.cpu_ns, cost.rss_bytes);
}

template <class Wire, Is<model::LeakPlace> T>
void transfer(Wire& wire, T& place) {
  transfer_all(wire, place.coroutine, place.file, place.line, place.stack, place.detail);
}

template <class Wire, Is<model::Leak> T>
void transfer(Wire& wire, T& leak) {
  transfer_enum(wire, leak.leak_class, static_cast<model::LeakClass>(model::kLeakClasses - 1));
  transfer_all(wire, leak.leak, leak.idle, leak.place, leak.count, leak.age_ns, leak.bytes, leak.growth_per_minute,
               leak.growing, leak.pid, leak.scan);
}

template <class Wire, Is<model::LeakScan> T>
void transfer(Wire& wire, T& scan) {
  transfer_all(wire, scan.number, scan.time_ns, scan.duration_ns, scan.objects, scan.bytes, scan.swapped_bytes,
               scan.unreadable_bytes, scan.objects_over_limit, scan.unconfirmed, scan.untold, scan.pid);
}

template <class Wire, Is<RecordedLeaks> T>
void transfer(Wire& wire, T& recorded) {
  transfer_all(wire, recorded.leaks, recorded.scan);
}

// Without its leaks and its loops' histograms: they are records of their own, in front of it.
template <class Wire, Is<model::Summary> T>
void transfer(Wire& wire, T& summary) {
  transfer_all(wire, summary.time_ns, summary.elapsed_ns, summary.warn_ns, summary.error_ns, summary.stalls,
               summary.errors, summary.loops, summary.cause_ns, summary.places, summary.losses, summary.cost);
}

template <class Wire, Is<RecordingHead> T>
void transfer(Wire& wire, T& head) {
  transfer_all(wire, head.version, head.realtime_minus_monotonic_ns, head.utc_offset_s);
}

}  // namespace aiotrace::output
