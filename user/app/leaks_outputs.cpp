#include "app/leaks_outputs.h"

#include <utility>
#include <vector>

#include "output/json/leaks.h"
#include "output/labels.h"
#include "output/page/leaks.h"
#include "output/text/leaks.h"

namespace aiotrace::app {

Result<LeaksOutputs> LeaksOutputs::open(const LeaksOutputsConfig& config) {
  auto out = CommandOutput::open(config.json, config.verbose, config.record);
  if (!out) return std::unexpected(out.error());
  auto html = open_asked(config.html);
  if (!html) return std::unexpected(html.error());
  return LeaksOutputs(std::move(*out), std::move(*html), config.quiet);
}

void LeaksOutputs::begin(const model::LeaksHead& head) {
  head_ = head;
  if (auto* recording = out_.recording()) out_.check(recording->begin(head));
}

void LeaksOutputs::scan(const model::ScannedLeaks& scanned) {
  const auto& [leaks, scan, shown] = scanned;
  if (auto* recording = out_.recording()) out_.check(recording->leaks(scanned));
  if (html_ && added_.emplace(scan.pid, scan.number).second) history_.add(scan, leaks);
  if (!shown) return;
  for (const auto& leak : leaks) out_.json(output::leak_json(leak));
  out_.json(output::leak_scan_json(scan));
  if (!quiet_) out_.text(output::leak_scan_lines(scan, leaks, scan.number == 1, out_.context()));
}

void LeaksOutputs::finish(const model::LeaksEnd& end) {
  const auto& [time_ns, summary] = end;
  if (auto* recording = out_.recording()) out_.check(recording->finish(end));
  if (summary.origins && !quiet_) {
    const std::vector<std::string> line{output::origins_line(*summary.origins, summary.elapsed_ns)};
    out_.text(line);
  }
  out_.json(output::leak_summary_json(summary, time_ns, out_.context()));
  if (!html_) return;
  out_.check(html_->write_bytes(output::leaks_page(output::targets_label(head_.targets), history_, summary,
                                                   head_.age_ns, time_ns, out_.context())));
}

}  // namespace aiotrace::app
