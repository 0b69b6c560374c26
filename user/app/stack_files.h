// Weighted stacks as files of other viewers, for commands that write them at their end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/command_output.h"
#include "model/weighted_stacks.h"
#include "output/file_sink.h"
#include "util/result.h"

namespace aiotrace::app {

/// --speedscope and --pprof.
class StackFiles {
 public:
  /// Paths that are not given are not written. Errors: as output::FileSink::open().
  [[nodiscard]] static Result<StackFiles> open(const std::optional<std::string>& speedscope,
                                               const std::optional<std::string>& pprof);

  [[nodiscard]] bool wanted() const { return speedscope_ != nullptr || pprof_ != nullptr; }
  /// `title` is the command's; `time_ns` (CLOCK_MONOTONIC) is when its `elapsed_ns` were over.
  void write(const model::WeightedStacks& stacks, const std::string& title, std::uint64_t time_ns,
             std::uint64_t elapsed_ns, CommandOutput& out);

 private:
  std::unique_ptr<output::FileSink> speedscope_;
  std::unique_ptr<output::FileSink> pprof_;
};

}  // namespace aiotrace::app
