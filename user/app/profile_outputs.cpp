#include "app/profile_outputs.h"

#include <string>

#include "model/weighted_stacks.h"
#include "output/json/profile.h"
#include "output/page/profile.h"
#include "output/text/profile.h"
#include "output/trace/folded.h"
#include "output/trace/perfetto_profile.h"
#include "util/log.h"

namespace aiotrace::app {

Result<ProfileOutputs> ProfileOutputs::open(const OutputFiles& files, bool verbose) {
  auto out = CommandOutput::open(files.json, verbose, files.record);
  if (!out) return std::unexpected(out.error());
  ProfileOutputs outputs(std::move(*out));
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

void ProfileOutputs::begin(const model::ProfileHead& head) {
  if (auto* recording = out_.recording()) out_.check(recording->begin(head));
  out_.json(output::profile_watching_json(head, out_.context()));
}

void ProfileOutputs::finish(const model::ProfileReport& report) {
  if (auto* recording = out_.recording()) out_.check(recording->finish(report));
  if (out_.has_json()) {
    for (const auto& row : report.rows) out_.json(output::profile_row_json(row));
    out_.json(output::profile_summary_json(report, out_.context()));
  }
  if (out_.has_text()) out_.text(output::profile_text(report, report.head.top, out_.context()));
  write_files(report);
}

void ProfileOutputs::write_files(const model::ProfileReport& report) {
  if (perfetto_) write_trace(report);
  if (!folded_ && !html_ && !others_.wanted()) return;
  const bool sampled_only = report.head.mode == model::ProfileMode::cpu;
  model::WeightedStacks stacks(sampled_only ? "on a CPU" : "time", sampled_only ? "samples" : "times",
                               model::WeightedStacks::Unit::nanoseconds);
  model::add_profile(stacks, report.rows, report.head.by, report.head.targets.size() != 1);
  if (folded_) out_.check(output::write_folded(stacks, *folded_));
  if (html_) out_.check(html_->write_bytes(output::profile_page(report, stacks, out_.context())));
  others_.write(stacks, "aiotrace profile " + std::string(model::name(report.head.mode)), report.time_ns,
                report.elapsed_ns, out_);
}

void ProfileOutputs::write_trace(const model::ProfileReport& report) {
  out_.check(perfetto_->write_bytes(output::profile_trace(report, out_.context())));
  const auto over = report.timeline ? report.timeline->over() : 0;
  if (over != 0)
    say("--perfetto: the file is full, the last " + std::to_string(over) + " samples and waits are not in it");
}

}  // namespace aiotrace::app
