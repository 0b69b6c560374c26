#include "output/text/run.h"

namespace aiotrace::output {

Status TextOutput::write(const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    if (auto status = sink_.write_line(line); !status) return status;
  }
  return {};
}

Status TextOutput::finish(const model::Summary& summary) {
  if (auto status = write(feed_.finish(context_)); !status) return status;
  return write(summary_lines(summary, context_));
}

}  // namespace aiotrace::output
