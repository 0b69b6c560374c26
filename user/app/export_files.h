// Files that are written at the end of a run, from the data kept until then.
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
  /// Opens (creates or empties) every requested file.
  [[nodiscard]] static Result<ExportFiles> open(const OutputFiles& paths);

  void watching(const model::Watching& watching) { watching_ = watching; }
  /// To be called once for each stall: when it has ended, or as unfinished.
  void add(const model::Stall& stall);
  /// Writes all files; returns an error for each file that could not be written.
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
