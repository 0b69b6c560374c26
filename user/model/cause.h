// What can be asked about a cause; the enumeration itself is in model/events.h.
#pragma once

#include <optional>
#include <string_view>

#include "model/events.h"

namespace aiotrace::model {

/// The cause of that JSON name, if there is one.
[[nodiscard]] std::optional<Cause> cause_from_name(std::string_view name);

/// True for time spent on a CPU, which is split by samples; all other causes are timed exactly.
[[nodiscard]] constexpr bool on_cpu(Cause cause) { return cause <= Cause::kernel; }

[[nodiscard]] constexpr std::size_t index(Cause cause) { return static_cast<std::size_t>(cause); }

}  // namespace aiotrace::model
