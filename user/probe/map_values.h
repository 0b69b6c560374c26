// Converts the contents of BPF's maps to values of the model.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/origin.h"
#include "abi/profile.h"
#include "abi/steps.h"
#include "abi/thread.h"
#include "model/exact_awaits.h"
#include "model/statistics.h"
#include "model/thread_now.h"
#include "probe/origin_probe.h"
#include "probe/step_probe.h"

namespace aiotrace::probe {

/// Nothing if a state, cause or kind of loop is invalid.
[[nodiscard]] std::optional<model::ThreadNow> thread_now(const loop_thread& thread);
[[nodiscard]] model::LoopCounters counters_of(const loop_stats& stats);
[[nodiscard]] model::ThreadTimes times_of(const profile_thread& thread);

[[nodiscard]] model::Durations durations_of(const step_stats& stats);
/// The text as UTF-8, with "…" at its end if it was cut.
[[nodiscard]] StepGroup group_of(const group_key& key, const step_stats& stats);
[[nodiscard]] Maker maker_of(const origin& made);

}  // namespace aiotrace::probe
