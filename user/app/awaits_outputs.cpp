#include "app/awaits_outputs.h"

#include <string>

#include "output/json/awaits.h"
#include "output/json/exact_awaits.h"
#include "output/labels.h"
#include "output/page/awaits.h"
#include "output/page/exact_awaits.h"
#include "output/text/awaits.h"
#include "output/text/exact_awaits.h"
#include "output/trace/folded.h"
#include "output/trace/perfetto_awaits.h"
#include "util/log.h"

namespace aiotrace::app {

Result<AwaitsOutputs> AwaitsOutputs::open(const OutputFiles& files) {
  auto out = CommandOutput::open(files.json, false, files.record);
  if (!out) return std::unexpected(out.error());
  AwaitsOutputs outputs(std::move(*out));
  for (const auto& [path, into] : {std::pair{&files.folded, &outputs.folded_},
                                   {&files.html, &outputs.html_},
                                   {&files.perfetto, &outputs.perfetto_}}) {
    auto sink = open_asked(*path);
    if (!sink) return std::unexpected(sink.error());
    *into = std::move(*sink);
  }
  auto others = StackFiles::open(files);
  if (!others) return std::unexpected(others.error());
  outputs.others_ = std::move(*others);
  return outputs;
}

std::string AwaitsOutputs::title() const { return output::process_label(head_.pid, head_.comm, head_.python); }

void AwaitsOutputs::begin(const model::AwaitsHead& head) {
  head_ = head;
  if (auto* recording = out_.recording()) out_.check(recording->begin(head));
  out_.json(output::awaits_watching_json(head.pid, head.comm, head.python, head.version, out_.context(), head.time_ns));
}

void AwaitsOutputs::finish(const model::AwaitsFound& found, const std::vector<model::AwaitCurve>& curves,
                           std::uint64_t points_over) {
  const auto& summary = found.summary;
  if (auto* recording = out_.recording()) out_.check(recording->finish(found));
  if (summary.loop_seen() && out_.has_text())
    out_.text(output::awaits_text(found.rows, head_.top, summary, out_.context(), found.waits_for));
  if (folded_) out_.check(output::write_folded(found.by_stack, *folded_));
  if (html_ && found.stacks)
    out_.check(html_->write_bytes(output::awaits_page(title(), found.rows, *found.stacks, summary, out_.context())));
  if (others_.wanted() && found.stacks)
    others_.write(*found.stacks, "aiotrace awaits", summary.time_ns, summary.elapsed_ns, out_);
  if (out_.has_json()) {
    for (std::size_t i = 0; i < found.rows.size(); ++i)
      out_.json(output::await_row_json(found.rows[i], head_.pid,
                                       i < found.waits_for.size() ? found.waits_for[i] : std::nullopt));
    out_.json(output::awaits_summary_json(summary, out_.context()));
  }
  if (!perfetto_) return;
  out_.check(perfetto_->write_bytes(output::awaits_trace(head_.pid, head_.comm, curves, summary, out_.context())));
  if (points_over != 0) say("--perfetto: the file is full, " + std::to_string(points_over) + " changes are not in it");
}

void AwaitsOutputs::finish(const model::ExactFound& found) {
  const auto& [rows, delays, summary, has_loop] = found;
  if (auto* recording = out_.recording()) out_.check(recording->finish(found));
  if (html_) out_.check(html_->write_bytes(output::exact_awaits_page(title(), rows, delays, summary, out_.context())));
  // Without a loop there is nothing in the table.
  if (has_loop && out_.has_text())
    out_.text(output::exact_awaits_text(rows, delays, head_.top, summary, out_.context()));
  if (!out_.has_json()) return;
  for (const auto& row : rows) out_.json(output::exact_await_json(row, head_.pid));
  for (const auto& row : delays) out_.json(output::delay_json(row, head_.pid));
  out_.json(output::exact_summary_json(summary, out_.context()));
}

}  // namespace aiotrace::app
