#include "app/export_files.h"

#include <utility>

#include "output/labels.h"
#include "output/page/stalls.h"
#include "output/trace/perfetto_stalls.h"
#include "output/trace/pprof.h"
#include "output/trace/speedscope.h"

namespace aiotrace::app {

Result<ExportFiles> ExportFiles::open(const OutputFiles& paths) {
  ExportFiles exports;
  for (const auto& [format, path] :
       {std::pair{Format::html, &paths.html}, std::pair{Format::perfetto, &paths.perfetto},
        std::pair{Format::speedscope, &paths.speedscope}, std::pair{Format::pprof, &paths.pprof}}) {
    if (!*path) continue;
    auto sink = output::FileSink::open(**path);
    if (!sink) return std::unexpected(sink.error());
    exports.files_.push_back({.format = format, .sink = std::move(*sink)});
  }
  return exports;
}

void ExportFiles::add(const model::Stall& stall) {
  if (files_.empty()) return;
  log_.add(stall);
  add_stall(stacks_, stall);
}

std::vector<Error> ExportFiles::finish(const model::Summary& summary, const output::OutputContext& context) {
  const output::Report report{watching_, summary, log_, stacks_, context};
  const auto text_of = [&](Format format) -> Result<std::string> {
    switch (format) {
      case Format::html: return output::html_page(report);
      case Format::perfetto: return output::perfetto_trace(report);
      case Format::speedscope:
        return output::speedscope(stacks_, output::targets_label(watching_), "aiotrace " + watching_.version);
      case Format::pprof: break;
    }
    return output::pprof(stacks_, {.start_unix_ns = report.start_unix_ns(), .duration_ns = summary.elapsed_ns});
  };
  std::vector<Error> errors;
  for (auto& [format, sink] : files_) {
    const auto text = text_of(format);
    const Status status = text ? sink->write_bytes(*text) : std::unexpected(text.error());
    if (!status) errors.push_back(status.error());
  }
  return errors;
}

}  // namespace aiotrace::app
