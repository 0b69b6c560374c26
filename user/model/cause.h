// Properties of the causes; the enumeration itself is in model/events.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/events.h"

namespace aiotrace::model {

enum class CauseGroup : std::uint8_t { on_cpu, blocked, not_seen, runnable };

/// A row of bpf/abi/causes.def, which explains the columns.
struct CauseInfo {
  Cause cause;
  std::string_view name;
  CauseGroup group;
  bool own_wait;
  bool advice;
};

/// In the order of the documents, which differs from the order of the numbers.
inline constexpr CauseInfo kCauseTable[] = {
#define CAUSE(ID, id, number, name, group, own_wait, advice, colour) \
  {Cause::id, name, CauseGroup::group, (own_wait) != 0, (advice) != 0},
#include "abi/causes.def"
#undef CAUSE
};

/// The cause with that JSON name, if there is one.
[[nodiscard]] std::optional<Cause> cause_from_name(std::string_view name);

/// The causes that took time, largest first; equal ones by number.
[[nodiscard]] std::vector<Cause> causes_by_size(const std::array<std::uint64_t, kCauses>& cause_ns);

[[nodiscard]] constexpr std::size_t index(Cause cause) { return static_cast<std::size_t>(cause); }

/// The same rows, sorted by number.
inline constexpr auto kCauseRows = [] {
  std::array<CauseInfo, kCauses> rows{};
  for (const auto& row : kCauseTable) rows.at(index(row.cause)) = row;
  return rows;
}();

[[nodiscard]] constexpr bool is_in(CauseGroup group, Cause cause) {
  return index(cause) < kCauses && kCauseRows[index(cause)].group == group;
}

/// True for time spent on a CPU, which is split by samples; all other causes are timed exactly.
[[nodiscard]] constexpr bool on_cpu(Cause cause) { return is_in(CauseGroup::on_cpu, cause); }

/// True for time off the CPU in a system call or a fault.
[[nodiscard]] constexpr bool blocked(Cause cause) { return is_in(CauseGroup::blocked, cause); }

/// True for runnable time without a CPU.
[[nodiscard]] constexpr bool runnable(Cause cause) { return is_in(CauseGroup::runnable, cause); }

/// Whether the program made a call that waited, and was not merely prevented from running.
[[nodiscard]] constexpr bool own_wait(Cause cause) {
  return index(cause) < kCauses && kCauseRows[index(cause)].own_wait;
}

/// Whether the reason is outside of the place where it occurred: a busy machine, a debugger, or time that was not seen.
[[nodiscard]] constexpr bool stands_apart(Cause cause) {
  return runnable(cause) || is_in(CauseGroup::not_seen, cause) || cause == Cause::stopped;
}

/// Whether there is advice for it.
[[nodiscard]] constexpr bool has_advice(Cause cause) {
  return index(cause) < kCauses && kCauseRows[index(cause)].advice;
}

}  // namespace aiotrace::model
