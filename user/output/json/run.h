// Newline-delimited JSON: one object a line, `type` first, schema model::kSchema. Unknown is null.
#pragma once

#include "model/stall.h"
#include "model/summary.h"
#include "output/context.h"
#include "output/sink.h"

namespace aiotrace::output {

/// Writes through the sink, which must outlive it. Invalid UTF-8 is replaced by U+FFFD; nothing is dropped.
class JsonOutput {
 public:
  JsonOutput(Sink& sink, OutputContext context) : sink_(sink), context_(context) {}

  Status watching(const model::Watching& watching);
  Status stall(const model::Stall& stall);
  Status summary(const model::Summary& summary);

 private:
  Sink& sink_;
  OutputContext context_;
};

}  // namespace aiotrace::output
