// The text output: a stall as it happens, and the summary.
#pragma once

#include <string>
#include <vector>

#include "model/stall.h"
#include "model/summary.h"
#include "output/context.h"
#include "output/sink.h"
#include "output/text/hangs.h"
#include "output/text/stall_feed.h"

namespace aiotrace::output {

/// Clean lines, wrapped to the context's columns, without newlines.
[[nodiscard]] std::vector<std::string> watching_lines(const model::Watching& watching, const OutputContext& context);
[[nodiscard]] std::vector<std::string> summary_lines(const model::Summary& summary, const OutputContext& context);

/// Writes these, and the stalls, through the sink, which must outlive this object.
class TextOutput {
 public:
  TextOutput(Sink& sink, OutputContext context) : sink_(sink), context_(context) {}

  Status watching(const model::Watching& watching) { return write(watching_lines(watching, context_)); }
  /// See StallFeed.
  Status stall(const model::Stall& stall) { return write(feed_.add(stall, context_)); }
  Status hang(const model::Hang& hang, const model::HangScan& scan) {
    return write(hang_block_lines(hang, scan, context_));
  }
  /// The summary so far.
  Status interim(const model::Summary& summary) { return write(summary_lines(summary, context_)); }
  /// The stalls that were not printed yet, then the summary.
  Status finish(const model::Summary& summary);

 private:
  Status write(const std::vector<std::string>& lines);

  Sink& sink_;
  OutputContext context_;
  StallFeed feed_;
};

}  // namespace aiotrace::output
