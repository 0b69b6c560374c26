// Outputs of `profile`: of a run, or of its recording.
#pragma once

#include <memory>
#include <utility>

#include "app/command_output.h"
#include "app/output_files.h"
#include "app/stack_files.h"
#include "model/profile_run.h"
#include "output/file_sink.h"
#include "recording/format.h"
#include "util/result.h"

namespace aiotrace::app {

class ProfileOutputs {
 public:
  /// Opens the outputs: a file that cannot be opened is an error before any work begins.
  [[nodiscard]] static Result<ProfileOutputs> open(const OutputFiles& files, bool verbose);

  /// Uses the clock and time zone of a recording.
  void as_recorded(const recording::Head& head) { out_.as_recorded(head); }
  void begin(const model::ProfileHead& head);
  /// To be called last. The timeline exists if --perfetto was given.
  void finish(const model::ProfileReport& report);

  [[nodiscard]] bool failed() const { return out_.failed(); }

 private:
  explicit ProfileOutputs(CommandOutput out) : out_(std::move(out)) {}
  void write_trace(const model::ProfileReport& report);
  void write_files(const model::ProfileReport& report);

  CommandOutput out_;
  // Null: not requested.
  std::unique_ptr<output::FileSink> folded_;
  std::unique_ptr<output::FileSink> html_;
  std::unique_ptr<output::FileSink> perfetto_;
  StackFiles others_;
};

}  // namespace aiotrace::app
