// The files that are written at the end of a run, from what it kept until then.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/output_files.h"
#include "model/stall_log.h"
#include "model/summary.h"
#include "model/weighted_stacks.h"
#include "output/context.h"
#include "output/file_sink.h"
#include "output/report.h"

namespace aiotrace::app {

class ExportFiles {
 public:
  /// Opens (creates, empties) every file that is asked for.
  [[nodiscard]] static Result<ExportFiles> open(const OutputFiles& paths);

  void watching(const model::Watching& watching) { watching_ = watching; }
  /// Give it each stall once: when it has ended, or as unfinished.
  void add(const model::Stall& stall);
  /// Writes them all; an error for each that could not be.
  [[nodiscard]] std::vector<Error> finish(const model::Summary& summary, const output::OutputContext& context);

 private:
  using Write = std::function<Result<std::string>(const output::Report& report)>;
  struct File {
    Write write;
    std::unique_ptr<output::FileSink> sink;
  };

  std::vector<File> files_;
  model::Watching watching_;
  model::StallLog log_;
  model::WeightedStacks stacks_{"stalled", "segments", model::WeightedStacks::Unit::nanoseconds};
};

}  // namespace aiotrace::app
