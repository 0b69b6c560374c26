// One run that every file written at its end shows, and one with names that attack their readers.
#pragma once

#include <string>

#include "model/cause.h"
#include "model/histogram.h"
#include "model/stall_log.h"
#include "model/weighted_stacks.h"
#include "output/report.h"
#include "tests/unit/output_samples.h"

namespace aiotrace::samples {

/// Observed stalls, with the data derived from them.
struct Run {
  model::Watching watching = samples::watching();
  model::Summary summary = samples::summary();
  model::StallLog log;
  model::WeightedStacks stacks{"stalled", "segments", model::WeightedStacks::Unit::nanoseconds};
  output::OutputContext context = samples::context();

  void add(const model::Stall& stall) {
    log.add(stall);
    add_stall(stacks, stall);
  }
  [[nodiscard]] output::Report report() const { return {watching, summary, log, stacks, context}; }
};

/// As many loops as samples::summary() has, three stalls: a network wait, one for the GIL, one that was not seen whole.
inline Run run() {
  Run run;
  run.summary.loops[1].buckets.assign(model::kHistogramBuckets, 0);
  run.summary.loops[1].buckets[model::histogram_bucket(110'000)] = 180'000;
  run.summary.loops[1].buckets[model::histogram_bucket(3'000'000)] = 2'319;
  run.summary.loops[1].buckets[model::histogram_bucket(213 * kMs)] = 12;
  auto first = stall();
  const auto frame = std::make_shared<const model::Frame>(handler_stack()[0]);
  const auto peer = std::make_shared<const model::Culprit>(*first.segments[0].culprit);
  first.moments = {{.start_ns = first.start_ns,
                    .ns = 300'000,
                    .cause = model::Cause::python,
                    .syscall = {},
                    .frame = frame,
                    .culprit = nullptr},
                   {.start_ns = first.start_ns + 300'000,
                    .ns = 212'600'000,
                    .cause = model::Cause::network,
                    .syscall = "recvfrom",
                    .frame = frame,
                    .culprit = peer},
                   {.start_ns = first.start_ns + 212'900'000,
                    .ns = 100'000,
                    .cause = model::Cause::cpu_wait,
                    .syscall = {},
                    .frame = frame,
                    .culprit = nullptr}};
  run.add(first);

  auto second = stall();
  second.id = 8;
  second.start_ns += 5'000 * kMs;
  second.duration_ns = 90 * kMs;
  second.error = false;
  second.task.reset();
  second.cause_ns = {};
  second.cause_ns[model::index(model::Cause::gil)] = 90 * kMs;
  const model::Culprit holder = model::GilHolder{.tid = 1300,
                                                 .thread = "worker",
                                                 .stack = {python("crunch", "app/worker.py", 9)}};
  model::Segment wait;
  wait.cause = model::Cause::gil;
  wait.ns = 90 * kMs;
  wait.count = 1;
  wait.culprit = holder;
  wait.stack = handler_stack();
  second.segments = {wait};
  second.moments = {{.start_ns = second.start_ns,
                     .ns = 90 * kMs,
                     .cause = model::Cause::gil,
                     .syscall = {},
                     .frame = frame,
                     .culprit = std::make_shared<const model::Culprit>(holder)}};
  run.add(second);

  auto third = stall();
  third.id = 9;
  third.start_ns += 9'000 * kMs;
  third.ongoing = true;
  third.at_least = true;
  third.segments.resize(1);
  third.segments[0].stack.reset();
  third.segments[0].ns = third.duration_ns;
  run.add(third);
  return run;
}

/// Names that could end elements, strings, lines and files.
inline const std::string& hostile_name() {
  static const std::string name =
      std::string("</script><script>window.hacked=1</script><img src=x onerror=alert(1)>\"';&\n\r\t") +
      "\xff\xfe\xe2\x80\xa8\xe2\x80\xae\x1b[2J" + std::string(1, '\0') + "]]>--><!--";
  return name;
}

inline Run hostile_run() {
  auto hostile = run();
  const auto& name = hostile_name();
  const std::string megabyte(1'000'000, 'x');
  hostile.watching.targets = {{.pid = 1234, .comm = name, .python = name, .loops = 1}};
  hostile.watching.kernel = name;
  for (auto& loop : hostile.summary.loops) loop.thread = name + megabyte;
  for (auto& place : hostile.summary.places) {
    place.function = name + megabyte;
    place.file = name;
    place.syscall = name;
    place.advice = name;
  }
  auto stall = samples::stall();
  stall.id = 20;
  stall.start_ns += 20'000 * kMs;
  stall.thread = name;
  stall.task = model::Task{name + megabyte, name, name, 1};
  for (auto& segment : stall.segments) {
    segment.syscall = name;
    segment.stack = model::Stack{python(name, name, 1), python(megabyte, megabyte, 2),
                                 python(name + megabyte, name, 3)};
    if (segment.cause == model::Cause::network)
      segment.culprit = model::SocketEnds{.protocol = name, .local = {}, .peer = name + megabyte, .dns = {}};
    else
      segment.culprit = model::GilHolder{.tid = 3, .thread = name + megabyte, .stack = {python(name, name, 4)}};
  }
  const auto frame = std::make_shared<const model::Frame>(python(name + megabyte, name, 1));
  stall.moments = {{.start_ns = stall.start_ns,
                    .ns = kMs,
                    .cause = model::Cause::gil,
                    .syscall = name,
                    .frame = frame,
                    .culprit = std::make_shared<const model::Culprit>(*stall.segments[0].culprit)}};
  hostile.add(stall);
  return hostile;
}

}  // namespace aiotrace::samples
