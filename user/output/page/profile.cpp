#include <fmt/format.h>

#include <array>
#include <utility>

#include "model/cause.h"
#include "output/labels.h"
#include "output/page/page.h"
#include "output/page/profile.h"
#include "output/text/losses.h"
#include "output/text/profile_waits.h"
#include "util/text.h"

namespace aiotrace::output {
namespace {

using Kind = model::ProfileRow::Kind;
using model::ProfileMode;

constexpr std::size_t kMaxRows = 800;
constexpr std::size_t kFunctionBytes = 200'000;
constexpr std::size_t kWaitBytes = 150'000;
constexpr std::size_t kMaxThreads = 400;
constexpr std::size_t kThreadBytes = 80'000;

PageRows function_rows(const std::vector<model::ProfileFunction>& functions, PageNames& names) {
  PageRows rows(kMaxRows, kFunctionBytes);
  for (const auto& function : functions) {
    const auto before = names.bytes();
    const auto frame = rows.full() ? 0 : names.frame(model::weighted_frame(function.frame));
    rows.add({{"self_us", page_micros(function.self_ns)},
              {"total_us", page_micros(function.total_ns)},
              {"error_us", page_micros(function.error_ns)},
              {"frame", frame}},
             names.bytes() - before);
  }
  return rows;
}

PageRows wait_rows(const std::vector<ProfileWait>& waits) {
  PageRows rows(kMaxRows, kWaitBytes);
  for (const auto& wait : waits) {
    const auto frame = wait.frame.value_or(model::Frame{});
    rows.add({{"cause", model::index(wait.cause)},
              {"what", page_name(wait.what)},
              {"function", page_name(frame.function)},
              {"file", page_name(frame.file)},
              {"line", frame.line},
              {"thread", page_name(wait.thread)},
              {"us", page_micros(wait.ns)},
              {"count", wait.count},
              {"max_us", page_micros(wait.max_ns)}});
  }
  return rows;
}

PageRows thread_rows(const std::vector<model::ProfileThread>& threads) {
  PageRows rows(kMaxThreads, kThreadBytes);
  for (const auto& thread : threads) {
    rows.add({{"pid", thread.pid},
              {"tid", thread.tid},
              {"thread", page_name(thread.thread)},
              {"elapsed_us", page_micros(thread.elapsed_ns)},
              {"cpu_us", page_micros(thread.cpu_ns)},
              {"idle_us", page_micros(thread.idle_ns)},
              {"samples", thread.samples}});
  }
  return rows;
}

PageRows holder_rows(const std::vector<GilHolder>& holders) {
  PageRows rows(kMaxThreads, kThreadBytes);
  for (const auto& holder : holders)
    rows.add({{"tid", holder.tid}, {"thread", page_name(holder.thread)}, {"us", page_micros(holder.ns)}});
  return rows;
}

PageJson notes_json(const model::ProfileReport& report) {
  auto notes = PageJson::array();
  auto how = fmt::format("Written by aiotrace {} on Linux {}.", report.head.version, page_name(report.head.kernel));
  if (report.head.mode != ProfileMode::off_cpu) {
    how += fmt::format(" Time on a CPU is sampled, {:g} times a second; ± is two standard deviations.",
                       report.head.frequency_hz);
  }
  if (report.head.mode != ProfileMode::cpu) {
    how += fmt::format(" Time off the CPU is exact; intervals shorter than {} have no stacks.",
                       format_duration_ns(report.head.min_ns));
  }
  notes.push_back(std::move(how));
  if (report.process_cpu_ns)
    notes.push_back(
        fmt::format("The kernel counted {} on a CPU for these processes.", format_duration_ns(*report.process_cpu_ns)));
  if (report.rows_over != 0)
    notes.push_back(
        fmt::format("There was no room for {} rows: their stacks are missing.", format_count(report.rows_over)));
  const auto losses = losses_in_words(report.losses);
  notes.push_back(losses.empty() ? "Nothing was lost while tracing."
                                 : fmt::format("Lost while tracing: {}.", fmt::join(losses, "; ")));
  if (report.cost.cpu_ns)
    notes.push_back(fmt::format("aiotrace used {} of a core.", format_share(*report.cost.cpu_ns, report.elapsed_ns)));
  return notes;
}

}  // namespace

std::string profile_page(const model::ProfileReport& report, const model::WeightedStacks& stacks,
                         const OutputContext& context) {
  const bool gil = report.head.mode == ProfileMode::gil;
  std::array<std::uint64_t, model::kCauses> cause_ns{};
  std::uint64_t idle_ns = 0;
  std::vector<model::ProfileRow> busy;
  for (const auto& row : report.rows) {
    if (row.kind == Kind::idle) {
      idle_ns += row.ns;
      continue;
    }
    cause_ns[model::index(row.cause)] += row.ns;
    busy.push_back(row);
  }
  const auto split = gil ? gil_rows(report.rows) : GilRows{};
  const auto& counted = gil ? split.held : busy;
  std::uint64_t counted_ns = 0;
  for (const auto& row : counted) counted_ns += row.ns;

  PageNames names;
  auto flame = page_flame(stacks, names);
  auto functions = function_rows(model::functions_of(counted), names);
  auto waits = wait_rows(gil ? gil_waits_of(split.waited) : waits_of(busy));
  auto threads = thread_rows(report.threads);
  auto notes = notes_json(report);
  const auto leave = [&notes](const PageRows& rows, const char* what) {
    if (rows.left_out() != 0) notes.push_back(fmt::format("{} {} are left out.", format_count(rows.left_out()), what));
  };
  leave(functions, "functions with the least time");
  leave(waits, "places of the shortest waits");
  leave(threads, "threads");
  if (flame.cut) notes.push_back("The narrowest parts of the flame graph are left out.");
  auto cause_us = PageJson::array();
  for (const auto ns : cause_ns) cause_us.push_back(page_micros(ns));
  PageJson data{{"title", page_name(targets_label(report.head.targets))},
                {"start_ms", unix_ms(report.time_ns - report.elapsed_ns, context)},
                {"elapsed_us", page_micros(report.elapsed_ns)},
                {"mode", model::name(report.head.mode)},
                {"samples", report.samples},
                {"causes", page_causes()},
                {"cause_us", std::move(cause_us)},
                {"idle_us", page_micros(idle_ns)},
                {"held_us", page_micros(split.held_ns)},
                {"waited_us", page_micros(split.waited_ns)},
                {"functions_us", page_micros(counted_ns)},
                {"functions", functions.take()},
                {"waits", waits.take()},
                {"holders", holder_rows(gil_holders_of(split.held)).take()},
                {"all_threads", report.threads.size()},
                {"threads", threads.take()},
                {"notes", std::move(notes)},
                {"flame", std::move(flame.json)}};
  names.take_into(data);
  return page_of(PageKind::profile, data);
}

}  // namespace aiotrace::output
