#include "app/commands/report_last.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/recorder_files.h"
#include "model/statistics.h"
#include "probe/privileges.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/log.h"

namespace aiotrace::app {

namespace {

std::int64_t since_ns(std::uint64_t last_ns) {
  const auto now_ns = clock_ns(CLOCK_REALTIME);
  return static_cast<std::int64_t>(now_ns - std::min(last_ns, now_ns));
}

void apply(const Thresholds& thresholds, RingContent& content) {
  content.warn_ns = std::max(thresholds.warn_ns.value_or(0), content.warn_ns);
  content.error_ns = std::max(thresholds.error_ns.value_or(content.error_ns), content.warn_ns);
  std::erase_if(content.stalls, [&](const RingStall& each) { return each.stall.duration_ns < content.warn_ns; });
  for (auto& each : content.stalls) each.stall.error = each.stall.duration_ns >= content.error_ns;
}

/// All times are on the first file's machine clock: the files may be from several boots of the machine.
void align(std::vector<RingStall>& stalls) {
  const auto base = stalls.front().head.realtime_minus_monotonic_ns;
  for (auto& each : stalls) {
    const auto shift = static_cast<std::uint64_t>(each.head.realtime_minus_monotonic_ns - base);
    each.stall.start_ns += shift;
    for (auto& moment : each.stall.moments) moment.start_ns += shift;
  }
}

std::string nothing_found(const LastOptions& options, const RingContent& content) {
  return "no stall of " + format_duration_ns(content.warn_ns) + " or more" +
         (options.service ? " of service " + *options.service : "") + " in the last " +
         format_duration_ns(*options.last_ns) + "\n";
}

model::Summary write_stalls(Outputs& outputs, const RingContent& content, const LastOptions& options) {
  model::Statistics statistics;
  for (const auto& each : content.stalls) {
    statistics.add(each.stall);
    // An ongoing stall, or a stall whose end was not seen: its time still belongs in the files.
    outputs.stall(each.stall);
    if (each.stall.ongoing) outputs.unfinished(each.stall);
  }
  model::Summary summary;
  const auto& last = content.stalls.back();
  summary.time_ns = last.stall.start_ns + last.stall.duration_ns;
  summary.elapsed_ns = *options.last_ns;
  summary.warn_ns = content.warn_ns;
  summary.error_ns = content.error_ns;
  summary.stalls = statistics.stalls();
  summary.errors = statistics.errors();
  summary.cause_ns = statistics.cause_ns();
  summary.places = statistics.places();
  return summary;
}

}  // namespace

int report_last(const LastOptions& options, const Thresholds& thresholds, std::optional<std::uint64_t> fail_over_ns,
                const OutputsConfig& output) {
  auto files = open_recorder_files(options.state.value_or(kDefaultState));
  if (!files) return report(files.error());
  if (auto status = probe::drop_everything(); !status) return report(status.error());
  auto content = read_recorder_files(std::move(*files),
                                     {.since_ns = since_ns(*options.last_ns), .service = options.service});
  apply(thresholds, content);
  for (const auto& error : content.damaged) say(error.message());
  const int status = content.damaged.empty() ? 0 : kExitFailure;
  if (content.stalls.empty()) {
    const int printed = print_message(nothing_found(options, content));
    return printed != 0 ? printed : status;
  }
  align(content.stalls);
  auto outputs = Outputs::open(output);
  if (!outputs) return report(outputs.error());
  const auto& first = content.stalls.front();
  outputs->as_recorded(first.head);
  outputs->watching({.time_ns = first.stall.start_ns,
                     .version = first.head.version,
                     .kernel = {},
                     .warn_ns = content.warn_ns,
                     .error_ns = content.error_ns,
                     .targets = {},
                     .all = true});
  outputs->finish(write_stalls(*outputs, content, options));
  if (outputs->failed()) return kExitFailure;
  const bool long_one = fail_over_ns && std::ranges::any_of(content.stalls, [&](const RingStall& each) {
                          return each.stall.duration_ns >= *fail_over_ns;
                        });
  return status == 0 && long_one ? kExitStall : status;
}

}  // namespace aiotrace::app
