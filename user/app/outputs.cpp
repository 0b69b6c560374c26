#include "app/outputs.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "output/json/hangs.h"
#include "output/json/leaks.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

std::int32_t utc_offset_s() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return static_cast<std::int32_t>(local.tm_gmtoff);
}

recording::Head recording_head(const output::OutputContext& context) {
  return {.version = kVersion,
          .realtime_minus_monotonic_ns = context.realtime_minus_monotonic_ns,
          .utc_offset_s = utc_offset_s()};
}

std::size_t terminal_columns() {
  winsize size{};
  constexpr std::size_t kNarrowest = 60;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return output::OutputContext{}.columns;
  return std::max<std::size_t>(size.ws_col, kNarrowest);
}

}  // namespace

output::OutputContext terminal_context(const output::FileSink& sink) {
  output::OutputContext context;
  context.realtime_minus_monotonic_ns = realtime_minus_monotonic_ns();
  const char* no_color = std::getenv("NO_COLOR");
  context.color = sink.is_terminal() && (no_color == nullptr || *no_color == '\0');
  context.columns = terminal_columns();
  return context;
}

Result<recording::Writer> create_recording(const std::string& path, const output::OutputContext& context) {
  return recording::Writer::create(path, recording_head(context));
}

Result<recording::Writer> recording_to(UniqueFd file, const std::string& name, const output::OutputContext& context) {
  return recording::Writer::create(std::move(file), name, recording_head(context));
}

Result<Outputs> Outputs::open(const OutputsConfig& config) {
  const auto& files = config.files;
  Outputs outputs(config.quiet);
  if (files.json) {
    auto sink = output::FileSink::open(*files.json);
    if (!sink) return std::unexpected(sink.error());
    outputs.json_sink_ = std::move(*sink);
    outputs.json_on_stdout_ = *files.json == "-";
  }
  if (files.folded) {
    auto sink = output::FileSink::open(*files.folded);
    if (!sink) return std::unexpected(sink.error());
    outputs.folded_sink_ = std::move(*sink);
  }
  auto exports = ExportFiles::open(files);
  if (!exports) return std::unexpected(exports.error());
  outputs.exports_ = std::move(*exports);
  outputs.error_sink_ = std::make_unique<output::FileSink>(UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)),
                                                           "standard error");
  outputs.on_stall_ = config.on_stall;
  if (!outputs.json_on_stdout_ && !outputs.on_stall_) {
    auto sink = output::FileSink::standard_output();
    if (!sink) return std::unexpected(sink.error());
    outputs.text_sink_ = std::move(*sink);
  }
  outputs.context_ = terminal_context(outputs.text_sink_ ? *outputs.text_sink_ : *outputs.error_sink_);
  if (!outputs.text_sink_) outputs.context_.color = false;
  outputs.context_.verbose = config.verbose;
  outputs.context_.advice = !config.quiet;
  outputs.begin_text();
  if (files.record) {
    auto recording = create_recording(*files.record, outputs.context_);
    if (!recording) return std::unexpected(recording.error());
    outputs.recording_ = std::move(*recording);
  }
  return outputs;
}

void Outputs::begin_text() {
  if (text_sink_) text_ = std::make_unique<output::TextOutput>(*text_sink_, context_);
}

void Outputs::check(const Status& status, const output::FileSink& sink, bool& error_reported) {
  if (status) return;
  failed_ = true;
  const bool standard = &sink == text_sink_.get() || (&sink == json_sink_.get() && json_on_stdout_);
  if (standard && sink.last_errno() == EPIPE) reader_gone_ = true;
  if (!error_reported) say(status.error().message());
  error_reported = true;
}

void Outputs::check_recording(const Status& status) {
  if (status) return;
  failed_ = true;
  if (!recording_error_reported_) say(status.error().message());
  recording_error_reported_ = true;
}

void Outputs::as_recorded(const recording::Head& head) {
  context_.realtime_minus_monotonic_ns = head.realtime_minus_monotonic_ns;
  context_.utc_offset_s = head.utc_offset_s;
  begin_text();
}

void Outputs::watching(const model::Watching& watching) {
  exports_.watching(watching);
  if (recording_) check_recording(recording_->watching(watching));
  if (json_sink_)
    check(output::JsonOutput(*json_sink_, context_).watching(watching), *json_sink_, json_error_reported_);
  if (text_) check(text_->watching(watching), *text_sink_, text_error_reported_);
}

void Outputs::stall(const model::Stall& stall) {
  if (on_stall_) on_stall_(stall);
  if (recording_) check_recording(recording_->stall(stall));
  if (json_sink_) check(output::JsonOutput(*json_sink_, context_).stall(stall), *json_sink_, json_error_reported_);
  if (text_ && !quiet_) check(text_->stall(stall), *text_sink_, text_error_reported_);
  if (folded_sink_ && !stall.ongoing) folded_.add(stall);
  if (!stall.ongoing) exports_.add(stall);
}

void Outputs::unfinished(const model::Stall& stall) {
  if (on_stall_) on_stall_(stall);
  if (recording_) check_recording(recording_->unfinished(stall));
  if (folded_sink_) folded_.add(stall);
  exports_.add(stall);
}

void Outputs::leaks(const std::vector<model::Leak>& leaks, const model::LeakScan& scan) {
  if (leaks.empty()) return;
  if (recording_) check_recording(recording_->leaks({.leaks = leaks, .scan = scan, .shown = true}));
  if (!json_sink_) return;
  for (const auto& leak : leaks)
    check(json_sink_->write_line(output::leak_json(leak)), *json_sink_, json_error_reported_);
  check(json_sink_->write_line(output::leak_scan_json(scan)), *json_sink_, json_error_reported_);
}

void Outputs::hangs(const model::ScannedHangs& look) {
  if (recording_) check_recording(recording_->hangs(look));
  for (const auto& hang : look.hangs) {
    if (json_sink_) check(json_sink_->write_line(output::hang_json(hang)), *json_sink_, json_error_reported_);
    if (text_ && !quiet_) check(text_->hang(hang, look.scan), *text_sink_, text_error_reported_);
  }
}

void Outputs::so_far(const model::Summary& summary) {
  if (recording_) check_recording(recording_->so_far(summary));
}

Status Outputs::start_recording(recording::Writer writer, const model::Watching& watching) {
  recording_ = std::move(writer);
  recording_error_reported_ = false;
  return recording_->watching(watching);
}

Status Outputs::end_recording(const model::Summary& summary) {
  if (!recording_) return {};
  auto status = recording_->finish(summary);
  recording_.reset();
  return status;
}

void Outputs::interim(const model::Summary& summary) {
  auto& sink = text_sink_ ? *text_sink_ : *error_sink_;
  bool error_reported = false;
  check(output::TextOutput(sink, context_).interim(summary), sink, text_sink_ ? text_error_reported_ : error_reported);
}

void Outputs::finish(const model::Summary& summary) {
  if (recording_) check_recording(recording_->finish(summary));
  if (folded_sink_) check(folded_.write(*folded_sink_), *folded_sink_, folded_error_reported_);
  for (const auto& error : exports_.finish(summary, context_)) {
    failed_ = true;
    say(error.message());
  }
  if (text_) check(text_->finish(summary), *text_sink_, text_error_reported_);
  if (json_sink_) check(output::JsonOutput(*json_sink_, context_).summary(summary), *json_sink_, json_error_reported_);
}

}  // namespace aiotrace::app
