// The lists of fields of all types that a run reports. A new field of a type must be added here, with the format of
// recordings that has it first (recording/format.h); its position in the list is its position in the record. A type
// whose list lacks a field does not compile.
#pragma once

#include <tuple>

#include "model/await_run.h"
#include "model/fields.h"
#include "model/hang_run.h"
#include "model/leak_run.h"
#include "model/profile_run.h"
#include "model/stall.h"
#include "model/summary.h"

namespace aiotrace::model {

#define FIELD(member, ...) field(#member, &T::member __VA_OPT__(, ) __VA_ARGS__)

template <>
struct Fields<Frame> {
  using T = Frame;
  static constexpr auto list = std::tuple{FIELD(kind), FIELD(function), FIELD(file), FIELD(line)};
};

template <>
struct Fields<Task> {
  using T = Task;
  static constexpr auto list = std::tuple{FIELD(name), FIELD(coroutine), FIELD(file), FIELD(line)};
};

template <>
struct Fields<Runner> {
  using T = Runner;
  static constexpr auto list = std::tuple{FIELD(pid), FIELD(comm), FIELD(ns)};
};

template <>
struct Fields<NativeFunction> {
  using T = NativeFunction;
  static constexpr auto list = std::tuple{FIELD(library), FIELD(function)};
};

template <>
struct Fields<GilHolder> {
  using T = GilHolder;
  static constexpr auto list = std::tuple{FIELD(tid), FIELD(thread), FIELD(stack)};
};

template <>
struct Fields<FileUse> {
  using T = FileUse;
  static constexpr auto list = std::tuple{FIELD(path), FIELD(op)};
};

template <>
struct Fields<SocketEnds> {
  using T = SocketEnds;
  static constexpr auto list = std::tuple{FIELD(protocol), FIELD(local), FIELD(peer), FIELD(dns)};
};

template <>
struct Fields<ChildProcess> {
  using T = ChildProcess;
  static constexpr auto list = std::tuple{FIELD(pid), FIELD(comm)};
};

template <>
struct Fields<LockHolder> {
  using T = LockHolder;
  static constexpr auto list = std::tuple{FIELD(tid), FIELD(thread), FIELD(how), FIELD(stack)};
};

template <>
struct Fields<LockAt> {
  using T = LockAt;
  static constexpr auto list = std::tuple{FIELD(address), FIELD(name), FIELD(holder)};
};

template <>
struct Fields<MappedFile> {
  using T = MappedFile;
  static constexpr auto list = std::tuple{FIELD(path)};
};

template <>
struct Fields<Runners> {
  using T = Runners;
  static constexpr auto list = std::tuple{FIELD(running)};
};

template <>
struct Fields<CpuQuota> {
  using T = CpuQuota;
  static constexpr auto list = std::tuple{FIELD(cgroup), FIELD(quota_us), FIELD(period_us)};
};

template <>
struct Fields<Segment> {
  using T = Segment;
  static constexpr auto list = std::tuple{FIELD(cause),
                                          FIELD(ns),
                                          FIELD(count),
                                          FIELD(syscall),
                                          FIELD(culprit),
                                          FIELD(stack),
                                          FIELD(stack_unreadable),
                                          FIELD(stack_too_deep)};
};

template <>
struct Fields<Moment> {
  using T = Moment;
  static constexpr auto list = std::tuple{FIELD(start_ns), FIELD(ns),    FIELD(cause),
                                          FIELD(syscall),  FIELD(frame), FIELD(culprit)};
};

template <>
struct Fields<Stall::Callbacks> {
  using T = Stall::Callbacks;
  static constexpr auto list = std::tuple{FIELD(count), FIELD(longest_ns)};
};

template <>
struct Fields<Stall::OtherThread> {
  using T = Stall::OtherThread;
  static constexpr auto list = std::tuple{FIELD(tid), FIELD(thread), FIELD(stack)};
};

template <>
struct Fields<HeldUp> {
  using T = HeldUp;
  static constexpr auto list = std::tuple{FIELD(tasks), FIELD(timers), FIELD(more_timers), FIELD(timers_late_ns)};
};

template <>
struct Fields<Stall> {
  using T = Stall;
  static constexpr auto list = std::tuple{FIELD(id),
                                          FIELD(start_ns),
                                          FIELD(duration_ns),
                                          FIELD(error),
                                          FIELD(ongoing),
                                          FIELD(at_least),
                                          FIELD(start_known, Since{3}),
                                          FIELD(pid),
                                          FIELD(tid),
                                          FIELD(thread),
                                          FIELD(loop_kind),
                                          FIELD(epfd),
                                          FIELD(task),
                                          FIELD(cause_ns),
                                          FIELD(segments),
                                          FIELD(losses),
                                          FIELD(callbacks),
                                          FIELD(other_threads),
                                          FIELD(moments, Apart{}),
                                          FIELD(held_up, Since{3}),
                                          FIELD(comm, Since{3})};
};

template <>
struct Fields<Target> {
  using T = Target;
  static constexpr auto list = std::tuple{FIELD(pid), FIELD(comm), FIELD(python), FIELD(loops)};
};

template <>
struct Fields<Watching> {
  using T = Watching;
  static constexpr auto list = std::tuple{FIELD(time_ns),  FIELD(version), FIELD(kernel), FIELD(warn_ns),
                                          FIELD(error_ns), FIELD(targets), FIELD(all),    FIELD(starting)};
};

template <>
struct Fields<LoopSummary> {
  using T = LoopSummary;
  static constexpr auto list = std::tuple{
      FIELD(pid),    FIELD(tid),    FIELD(thread), FIELD(kind),   FIELD(iterations),       FIELD(busy_ns),
      FIELD(p50_ns), FIELD(p99_ns), FIELD(max_ns), FIELD(stalls), FIELD(buckets, Apart{}), FIELD(comm, Since{3})};
};

template <>
struct Fields<Place> {
  using T = Place;
  static constexpr auto list = std::tuple{FIELD(cause),         FIELD(syscall), FIELD(function),
                                          FIELD(file),          FIELD(line),    FIELD(coroutine),
                                          FIELD(advice),        FIELD(others),  FIELD(ns),
                                          FIELD(stalls),        FIELD(max_ns),  FIELD(cause_ns, Since{3}),
                                          FIELD(comm, Since{3})};
};

template <>
struct Fields<Cost> {
  using T = Cost;
  static constexpr auto list = std::tuple{FIELD(bpf_ns), FIELD(runs),      FIELD(measured_ns),
                                          FIELD(cpu_ns), FIELD(rss_bytes), FIELD(targets_cpu_ns, Since{3})};
};

template <>
struct Fields<UnseenLoop> {
  using T = UnseenLoop;
  static constexpr auto list = std::tuple{FIELD(pid), FIELD(tid), FIELD(thread), FIELD(waits_by)};
};

template <>
struct Fields<SpinningLoop> {
  using T = SpinningLoop;
  static constexpr auto list = std::tuple{FIELD(pid),   FIELD(tid),  FIELD(thread), FIELD(iterations_per_s),
                                          FIELD(looks), FIELD(same), FIELD(task),   FIELD(callback),
                                          FIELD(file),  FIELD(line), FIELD(fd),     FIELD(ended)};
};

template <>
struct Fields<LostRecords> {
  using T = LostRecords;
  static constexpr auto list = std::tuple{FIELD(pid), FIELD(comm), FIELD(records)};
};

template <>
struct Fields<Summary> {
  using T = Summary;
  static constexpr auto list = std::tuple{FIELD(time_ns),
                                          FIELD(elapsed_ns),
                                          FIELD(warn_ns),
                                          FIELD(error_ns),
                                          FIELD(stalls),
                                          FIELD(errors),
                                          FIELD(loops),
                                          FIELD(cause_ns),
                                          FIELD(places),
                                          FIELD(losses),
                                          FIELD(cost),
                                          FIELD(leaks, Apart{}),
                                          FIELD(last_leak_scan, Apart{}),
                                          FIELD(hangs, Since{3}),
                                          FIELD(hang_looks, Since{3}),
                                          FIELD(unseen_loops, Since{3}),
                                          FIELD(spinning_loops, Since{3}),
                                          FIELD(taken_over, Since{3}),
                                          FIELD(lost_by, Since{3})};
};

template <>
struct Fields<HangResource> {
  using T = HangResource;
  static constexpr auto list = std::tuple{FIELD(kind),     FIELD(class_name), FIELD(name),
                                          FIELD(capacity), FIELD(out),        FIELD(waiting)};
};

template <>
struct Fields<HangParty> {
  using T = HangParty;
  static constexpr auto list = std::tuple{FIELD(task),  FIELD(id),  FIELD(tid),       FIELD(name), FIELD(count),
                                          FIELD(state), FIELD(how), FIELD(waits_for), FIELD(stack)};
};

template <>
struct Fields<Hang> {
  using T = Hang;
  static constexpr auto list = std::tuple{FIELD(id),    FIELD(pid),      FIELD(since_ns), FIELD(verdict),
                                          FIELD(exact), FIELD(resource), FIELD(waiters),  FIELD(holders),
                                          FIELD(ring),  FIELD(ring_more)};
};

template <>
struct Fields<HangScan> {
  using T = HangScan;
  static constexpr auto list = std::tuple{FIELD(pid),   FIELD(number),  FIELD(time_ns),    FIELD(duration_ns),
                                          FIELD(tasks), FIELD(threads), FIELD(unreadable), FIELD(torn)};
};

template <>
struct Fields<ScannedHangs> {
  using T = ScannedHangs;
  static constexpr auto list = std::tuple{FIELD(hangs), FIELD(scan)};
};

template <>
struct Fields<LeakHolder> {
  using T = LeakHolder;
  static constexpr auto list = std::tuple{FIELD(kind), FIELD(container), FIELD(name), FIELD(owner)};
};

template <>
struct Fields<LeakPlace> {
  using T = LeakPlace;
  static constexpr auto list = std::tuple{
      FIELD(coroutine),        FIELD(file), FIELD(line), FIELD(stack), FIELD(detail), FIELD(holder, Since{3}),
      FIELD(made_by, Since{3})};
};

template <>
struct Fields<Leak> {
  using T = Leak;
  static constexpr auto list = std::tuple{FIELD(leak_class),
                                          FIELD(leak),
                                          FIELD(idle),
                                          FIELD(place),
                                          FIELD(count),
                                          FIELD(age_ns),
                                          FIELD(bytes),
                                          FIELD(growth_per_minute),
                                          FIELD(growing),
                                          FIELD(pid),
                                          FIELD(scan),
                                          FIELD(age_known, Since{3}),
                                          FIELD(generation, Since{3})};
};

template <>
struct Fields<LeakScan> {
  using T = LeakScan;
  static constexpr auto list = std::tuple{FIELD(number),
                                          FIELD(time_ns),
                                          FIELD(duration_ns),
                                          FIELD(objects),
                                          FIELD(bytes),
                                          FIELD(swapped_bytes),
                                          FIELD(unreadable_bytes),
                                          FIELD(objects_over_limit),
                                          FIELD(unconfirmed),
                                          FIELD(unclassified),
                                          FIELD(pid),
                                          FIELD(holders_ns, Since{3})};
};

template <>
struct Fields<LeakOrigins> {
  using T = LeakOrigins;
  static constexpr auto list = std::tuple{FIELD(traps), FIELD(kept), FIELD(no_stack), FIELD(lost), FIELD(bpf_ns)};
};

template <>
struct Fields<LeakSummary> {
  using T = LeakSummary;
  static constexpr auto list = std::tuple{FIELD(elapsed_ns), FIELD(scans),      FIELD(max_scan_ns),
                                          FIELD(leaks),      FIELD(candidates), FIELD(losses),
                                          FIELD(cpu_ns),     FIELD(rss_bytes),  FIELD(origins)};
};

template <>
struct Fields<ScannedLeaks> {
  using T = ScannedLeaks;
  static constexpr auto list = std::tuple{FIELD(leaks), FIELD(scan), FIELD(shown, Since{3})};
};

template <>
struct Fields<LeaksHead> {
  using T = LeaksHead;
  static constexpr auto list = std::tuple{FIELD(time_ns), FIELD(version), FIELD(age_ns), FIELD(targets)};
};

template <>
struct Fields<LeaksEnd> {
  using T = LeaksEnd;
  static constexpr auto list = std::tuple{FIELD(time_ns), FIELD(summary)};
};

template <>
struct Fields<AwaitSite> {
  using T = AwaitSite;
  static constexpr auto list = std::tuple{FIELD(coroutine), FIELD(place), FIELD(awaits)};
};

template <>
struct Fields<AwaitRow> {
  using T = AwaitRow;
  static constexpr auto list = std::tuple{FIELD(site),      FIELD(in_flight),  FIELD(count),
                                          FIELD(snapshots), FIELD(total_ns),   FIELD(error_ns),
                                          FIELD(mean_ns),   FIELD(longest_ns), FIELD(estimate)};
};

template <>
struct Fields<AwaitsHead> {
  using T = AwaitsHead;
  static constexpr auto list = std::tuple{FIELD(time_ns), FIELD(version), FIELD(pid),
                                          FIELD(comm),    FIELD(python),  FIELD(top)};
};

template <>
struct Fields<AwaitsSummary> {
  using T = AwaitsSummary;
  static constexpr auto list = std::tuple{FIELD(time_ns),    FIELD(elapsed_ns), FIELD(snapshots), FIELD(first_ns),
                                          FIELD(watched_ns), FIELD(tasks),      FIELD(loops),     FIELD(slow_ns),
                                          FIELD(unreadable), FIELD(torn),       FIELD(cpu_ns),    FIELD(slower)};
};

template <>
struct Fields<TaskResource> {
  using T = TaskResource;
  static constexpr auto list = std::tuple{FIELD(resource), FIELD(holders)};
};

template <>
struct Fields<AwaitsFound> {
  using T = AwaitsFound;
  static constexpr auto list = std::tuple{FIELD(rows, Apart{}), FIELD(by_stack, Apart{}), FIELD(stacks, Apart{}),
                                          FIELD(summary), FIELD(waits_for, Since{3})};
};

template <>
struct Fields<Durations> {
  using T = Durations;
  static constexpr auto list = std::tuple{FIELD(count), FIELD(total_ns), FIELD(max_ns), FIELD(buckets)};
};

template <>
struct Fields<InFlight> {
  using T = InFlight;
  static constexpr auto list = std::tuple{FIELD(count), FIELD(total_ns), FIELD(longest_ns)};
};

template <>
struct Fields<ExactAwaitRow> {
  using T = ExactAwaitRow;
  static constexpr auto list = std::tuple{FIELD(site), FIELD(in_flight), FIELD(waited)};
};

template <>
struct Fields<DelayRow> {
  using T = DelayRow;
  static constexpr auto list = std::tuple{FIELD(tasks), FIELD(coroutine), FIELD(delay)};
};

template <>
struct Fields<ExactSummary> {
  using T = ExactSummary;
  static constexpr auto list = std::tuple{FIELD(first_ns), FIELD(time_ns),   FIELD(elapsed_ns), FIELD(slow_ns),
                                          FIELD(losses),   FIELD(traps),     FIELD(run_ns),     FIELD(cost_ns),
                                          FIELD(entry_ns), FIELD(return_ns), FIELD(most_share), FIELD(max_share),
                                          FIELD(too_dear), FIELD(cpu_ns)};
};

template <>
struct Fields<ExactFound> {
  using T = ExactFound;
  static constexpr auto list = std::tuple{FIELD(rows, Apart{}), FIELD(delays, Apart{}), FIELD(summary),
                                          FIELD(has_loop)};
};

template <>
struct Fields<WeightedFrame> {
  using T = WeightedFrame;
  static constexpr auto list = std::tuple{FIELD(kind), FIELD(function), FIELD(file), FIELD(line)};
};

template <>
struct Fields<WeightedStacks::Stack> {
  using T = WeightedStacks::Stack;
  static constexpr auto list = std::tuple{FIELD(frames), FIELD(weight), FIELD(times)};
};

template <>
struct Fields<WeightedStacks::Parts> {
  using T = WeightedStacks::Parts;
  static constexpr auto list = std::tuple{FIELD(what), FIELD(times),  FIELD(unit),
                                          FIELD(over), FIELD(frames), FIELD(stacks)};
};

template <>
struct Fields<StoredStack> {
  using T = StoredStack;
  static constexpr auto list = std::tuple{FIELD(frames), FIELD(unreadable), FIELD(too_deep)};
};

template <>
struct Fields<ProfileRow> {
  using T = ProfileRow;
  static constexpr auto list = std::tuple{FIELD(kind),  FIELD(pid),     FIELD(tid),     FIELD(thread), FIELD(task),
                                          FIELD(cause), FIELD(syscall), FIELD(culprit), FIELD(stack),  FIELD(holds_gil),
                                          FIELD(ns),    FIELD(count),   FIELD(max_ns)};
};

template <>
struct Fields<ProfileThread> {
  using T = ProfileThread;
  static constexpr auto list = std::tuple{FIELD(pid),    FIELD(tid),     FIELD(thread),   FIELD(elapsed_ns),
                                          FIELD(cpu_ns), FIELD(idle_ns), FIELD(cause_ns), FIELD(samples)};
};

template <>
struct Fields<ProfileHead> {
  using T = ProfileHead;
  static constexpr auto list = std::tuple{FIELD(time_ns),      FIELD(version), FIELD(kernel),  FIELD(mode), FIELD(by),
                                          FIELD(frequency_hz), FIELD(min_ns),  FIELD(targets), FIELD(top)};
};

template <>
struct Fields<ProfileReport> {
  using T = ProfileReport;
  static constexpr auto list = std::tuple{FIELD(head),           FIELD(time_ns),          FIELD(elapsed_ns),
                                          FIELD(rows, Apart{}),  FIELD(threads, Apart{}), FIELD(samples),
                                          FIELD(process_cpu_ns), FIELD(rows_over),        FIELD(losses),
                                          FIELD(cost),           FIELD(timeline, Apart{})};
};

#undef FIELD

}  // namespace aiotrace::model
