#include "probe/map_values.h"

#include <algorithm>
#include <array>
#include <span>

#include "abi/records.h"
#include "util/text.h"

namespace aiotrace::probe {
namespace {

using State = model::ThreadNow::State;

std::optional<State> state_of(std::uint8_t off) {
  switch (off) {
    case OFF_NOT: return State::running;
    case OFF_IN_POLL: return State::in_poll;
    case OFF_RUNNABLE: return State::runnable;
    case OFF_BLOCKED: return State::blocked;
    default: return std::nullopt;
  }
}

std::optional<model::LoopSource> source_of(std::uint8_t kind) {
  switch (kind) {
    case LOOP_PLAIN: return model::LoopSource::plain;
    case LOOP_ASYNCIO: return model::LoopSource::asyncio;
    case LOOP_PYTHON: return model::LoopSource::python;
    default: return std::nullopt;
  }
}

model::ThreadNow::SwitchOut switch_out_of(const wait& kept) {
  return {.cause = static_cast<model::Cause>(kept.cause),
          .syscall = kept.syscall,
          .fd = kept.fd,
          .args = {kept.args[0], kept.args[1], kept.args[2], kept.args[3]},
          .stack_id = kept.stack_id,
          .holder_tstate = kept.holder_tstate,
          .holder_stack = kept.holder_stack,
          .holder_tid = kept.holder_tid,
          .has_target = kept.target == TARGET_SENT,
          .holds_gil = kept.holds_gil != 0};
}

}  // namespace

std::optional<model::ThreadNow> thread_now(const loop_thread& thread) {
  const auto state = state_of(thread.off);
  const auto source = source_of(thread.kind);
  if (!state || !source || thread.wait.cause >= CAUSE_MAX) return std::nullopt;
  model::ThreadNow now{.pid = thread.pid,
                       .tid = thread.tid,
                       .source = *source,
                       .epfd = thread.epfd,
                       .epfd_settled = thread.verified != 0,
                       .exited = thread.exited != 0,
                       .iteration = thread.iteration,
                       .start_ns = thread.return_ns,
                       .open_start = thread.open_start != 0,
                       .unseen_ns = thread.unseen_ns,
                       .state = *state,
                       .since_ns = thread.off_ns,
                       .woken_ns = thread.wake_ns,
                       .throttled = thread.throttled != 0,
                       .has_task = thread.has_task != 0,
                       .switch_out = switch_out_of(thread.wait),
                       .cause_ns = {},
                       .cause_count = {},
                       .losses = thread.losses,
                       .held_up = {.tasks = thread.ready != 0 ? std::optional<std::uint64_t>(thread.ready - 1)
                                                              : std::nullopt}};
  static_assert(model::kCauses <= CAUSE_SLOTS);
  for (std::size_t i = 0; i < model::kCauses; i++) {
    now.cause_ns[i] = thread.causes[i].ns;
    now.cause_count[i] = thread.causes[i].count;
  }
  return now;
}

model::LoopCounters counters_of(const loop_stats& stats) {
  static_assert(model::kHistogramBuckets == HIST_BUCKETS);
  return {.iterations = stats.iterations,
          .busy_ns = stats.busy_ns,
          .max_ns = stats.max_ns,
          .buckets = std::to_array(stats.buckets)};
}

model::ThreadTimes times_of(const profile_thread& thread) {
  return {.first_ns = thread.first_ns, .on_ns = thread.on_ns, .cpu_ns = thread.cpu_ns, .idle_ns = thread.idle_ns};
}

model::Durations durations_of(const step_stats& stats) {
  return {.count = stats.count,
          .total_ns = stats.total_ns,
          .max_ns = stats.max_ns,
          .buckets = std::to_array(stats.buckets)};
}

StepGroup group_of(const group_key& key, const step_stats& stats) {
  const auto text = std::as_bytes(std::span(key.text)).first(std::min<std::size_t>(key.bytes, GROUP_TEXT));
  return {.name = utf8_from_cpython(text, key.width) + (key.cut != 0 || key.bytes >= GROUP_TEXT ? "…" : ""),
          .is_coroutine = key.coroutine != 0,
          .delays = durations_of(stats)};
}

Maker maker_of(const origin& made) {
  Maker maker{.made_ns = made.made_ns, .frames = {}};
  for (const auto& frame : std::span(made.frames).first(std::min<std::size_t>(made.count, ORIGIN_FRAMES)))
    maker.frames.push_back({.code = frame.code, .lasti = frame.lasti});
  return maker;
}

}  // namespace aiotrace::probe
