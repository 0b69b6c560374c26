// Common parts of the JSON of several commands: forms of the model's common types, and the summary's common fields.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/cause.h"
#include "model/losses.h"
#include "model/stall.h"
#include "model/summary.h"
#include "output/json/form.h"
#include "output/json/values.h"

namespace aiotrace::output {

/// {cause: ns}, without zero values.
[[nodiscard]] Json causes_json(const std::array<std::uint64_t, model::kCauses>& cause_ns);
/// {name: count}, including zero values.
[[nodiscard]] Json losses_json(const model::LossCounts& counts);
/// "unreadable", "too-deep"; nothing: the stack is complete, and the field is left out.
[[nodiscard]] std::optional<Json> stack_cut(bool unreadable, bool too_deep);

/// The summary of a command that watches no loops: `own` follows the times. Fields that it cannot have are present, but
/// empty.
struct LooklessSummary {
  std::uint64_t time_ns = 0;
  std::uint64_t elapsed_ns = 0;
  Json own;
  Json losses;
  model::Cost cost{};
  Json target_cost = Json();  ///< only for a command that has one
  Json loops = Json::array();
};
[[nodiscard]] std::string summary_json(LooklessSummary summary, const OutputContext& context);

#define SHOWN(member, ...) form::shown(#member, &T::member __VA_OPT__(, ) __VA_ARGS__)

template <>
struct JsonForm<model::Frame> {
  using T = model::Frame;
  static constexpr auto list = std::tuple{SHOWN(kind), SHOWN(function), SHOWN(file), SHOWN(line, form::kNonzero)};
};

template <>
struct JsonForm<model::Task> {
  using T = model::Task;
  static constexpr auto list = std::tuple{SHOWN(name), SHOWN(coroutine), SHOWN(file), SHOWN(line, form::kNonzero)};
};

template <>
struct JsonForm<model::GilHolder> {
  using T = model::GilHolder;
  static constexpr auto list = std::tuple{SHOWN(tid, form::kNonzero), SHOWN(thread), SHOWN(stack, form::kNonempty)};
};

template <>
struct JsonForm<model::ChildProcess> {
  using T = model::ChildProcess;
  static constexpr auto list = std::tuple{SHOWN(pid, form::kNonzero), SHOWN(comm)};
};

template <>
struct JsonForm<model::LockHolder> {
  using T = model::LockHolder;
  static constexpr auto list = std::tuple{form::constant("kind", "thread"), SHOWN(tid), form::shown("name", &T::thread),
                                          SHOWN(stack), SHOWN(how)};
};

template <>
struct JsonForm<model::LockAt> {
  using T = model::LockAt;
  static constexpr auto list = std::tuple{SHOWN(address, form::kNonzero), SHOWN(name), SHOWN(holder)};
};

template <>
struct JsonForm<model::CpuQuota> {
  using T = model::CpuQuota;
  static constexpr auto list = std::tuple{SHOWN(cgroup), SHOWN(quota_us, form::kNonzero),
                                          SHOWN(period_us, form::kNonzero)};
};

}  // namespace aiotrace::output
