// What a run of `awaits` writes: of the run itself, or of its recording.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "app/command_output.h"
#include "app/output_files.h"
#include "app/stack_files.h"
#include "model/await_run.h"
#include "output/file_sink.h"
#include "recording/format.h"
#include "util/result.h"

namespace aiotrace::app {

class AwaitsOutputs {
 public:
  /// Opens what is to be written: a file that cannot be is an error before anything is looked at.
  [[nodiscard]] static Result<AwaitsOutputs> open(const OutputFiles& files);

  /// AwaitsFound::by_stack and AwaitsFound::stacks are wanted.
  [[nodiscard]] bool wants_stacks() { return folded_ || html_ || others_.wanted() || out_.recording() != nullptr; }
  [[nodiscard]] bool wants_curves() const { return perfetto_ != nullptr; }

  /// Times are those of the machine and the moment of a recording.
  void as_recorded(const recording::Head& head) { out_.as_recorded(head); }
  void begin(const model::AwaitsHead& head);
  /// The last thing. `curves`: of the sites with most waiting time; `points_over`: changes that found no place in them.
  void finish(const model::AwaitsFound& found, const std::vector<model::AwaitCurve>& curves, std::uint64_t points_over);
  void finish(const model::ExactFound& found);

  [[nodiscard]] bool failed() const { return out_.failed(); }

 private:
  explicit AwaitsOutputs(CommandOutput out) : out_(std::move(out)) {}
  [[nodiscard]] std::string title() const;

  CommandOutput out_;
  // Null: not asked for.
  std::unique_ptr<output::FileSink> folded_;
  std::unique_ptr<output::FileSink> html_;
  std::unique_ptr<output::FileSink> perfetto_;
  StackFiles others_;
  model::AwaitsHead head_;
};

}  // namespace aiotrace::app
