// Weighted stacks as files for other viewers, for commands that write them at their end.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "app/command_output.h"
#include "app/output_files.h"
#include "model/weighted_stacks.h"
#include "output/file_sink.h"
#include "util/result.h"

namespace aiotrace::app {

/// The formats of output::kStackFormatTable.
class StackFiles {
 public:
  /// Formats without a path are not written. Errors: as output::FileSink::open().
  [[nodiscard]] static Result<StackFiles> open(const OutputFiles& paths);

  [[nodiscard]] bool wanted() const;
  /// `title` is the name of the command; `time_ns` (CLOCK_MONOTONIC) is the end of its `elapsed_ns`.
  void write(const model::WeightedStacks& stacks, const std::string& title, std::uint64_t time_ns,
             std::uint64_t elapsed_ns, CommandOutput& out);

 private:
  std::array<std::unique_ptr<output::FileSink>, output::kStackFormats> sinks_;  // null: not asked for
};

}  // namespace aiotrace::app
