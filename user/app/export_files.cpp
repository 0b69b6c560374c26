#include "app/export_files.h"

#include <utility>

#include "output/labels.h"
#include "output/page/stalls.h"
#include "output/trace/perfetto_stalls.h"

namespace aiotrace::app {

Result<ExportFiles> ExportFiles::open(const OutputFiles& paths) {
  ExportFiles exports;
  const auto open = [&exports](const std::optional<std::string>& path, Write write) -> Status {
    if (!path) return {};
    auto sink = output::FileSink::open(*path);
    if (!sink) return std::unexpected(sink.error());
    exports.files_.push_back({.write = std::move(write), .sink = std::move(*sink)});
    return {};
  };
  if (auto status = open(paths.html, output::html_page); !status) return std::unexpected(status.error());
  if (auto status = open(paths.perfetto, output::perfetto_trace); !status) return std::unexpected(status.error());
  const auto* path = paths.stacks.data();
  for (const auto& format : output::kStackFormatTable) {
    const auto write = [format](const output::Report& report) {
      return format.bytes(report.stacks, {.title = output::targets_label(report.watching),
                                          .exporter = "aiotrace " + report.watching.version,
                                          .start_unix_ns = report.start_unix_ns(),
                                          .duration_ns = report.summary.elapsed_ns});
    };
    if (auto status = open(*path++, write); !status) return std::unexpected(status.error());
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
  std::vector<Error> errors;
  for (auto& [write, sink] : files_) {
    const auto bytes = write(report);
    const Status status = bytes ? sink->write_bytes(*bytes) : std::unexpected(bytes.error());
    if (!status) errors.push_back(status.error());
  }
  return errors;
}

}  // namespace aiotrace::app
