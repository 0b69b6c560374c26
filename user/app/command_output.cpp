#include "app/command_output.h"

#include <cerrno>
#include <utility>

#include "app/outputs.h"
#include "util/clock.h"
#include "util/log.h"

namespace aiotrace::app {

Result<CommandOutput> CommandOutput::open(const std::optional<std::string>& json, bool verbose,
                                          const std::optional<std::string>& record) {
  // A file or a pipe has no width limit.
  constexpr std::size_t kWide = 220;
  CommandOutput out;
  if (json) {
    auto sink = output::FileSink::open(*json);
    if (!sink) return std::unexpected(sink.error());
    out.json_ = std::move(*sink);
  }
  if (json != "-") {
    auto sink = output::FileSink::standard_output();
    if (!sink) return std::unexpected(sink.error());
    out.text_ = std::move(*sink);
    out.context_ = terminal_context(*out.text_);
    if (!out.text_->is_terminal()) out.context_.columns = kWide;
  }
  out.context_.realtime_minus_monotonic_ns = realtime_minus_monotonic_ns();
  out.context_.verbose = verbose;
  if (record) {
    auto writer = create_recording(*record, out.context_);
    if (!writer) return std::unexpected(writer.error());
    out.recording_ = std::move(*writer);
  }
  return out;
}

void CommandOutput::as_recorded(const recording::Head& head) {
  context_.realtime_minus_monotonic_ns = head.realtime_minus_monotonic_ns;
  context_.utc_offset_s = head.utc_offset_s;
}

void CommandOutput::json(const std::string& line) {
  if (json_) check(json_->write_line(line), *json_);
}

void CommandOutput::text(std::span<const std::string> lines) {
  for (const auto& line : lines) {
    if (text_ && !reader_gone_) check(text_->write_line(line), *text_);
  }
}

void CommandOutput::check(const Status& status) {
  if (status) return;
  if (!failed_) say(status.error().message());
  failed_ = true;
}

void CommandOutput::check(const Status& status, const output::FileSink& sink) {
  if (status) return;
  if (sink.last_errno() == EPIPE) {
    reader_gone_ = true;
  } else {
    check(status);
  }
}

Result<std::unique_ptr<output::FileSink>> open_asked(const std::optional<std::string>& path) {
  if (!path) return nullptr;
  return output::FileSink::open(*path);
}

}  // namespace aiotrace::app
