#include "app/report_command.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "app/arguments.h"
#include "app/file_options.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/replay.h"
#include "app/session.h"
#include "model/comparison.h"
#include "output/comparison.h"
#include "output/file_sink.h"
#include "output/recording_reader.h"

namespace aiotrace::app {

namespace {

constexpr const char* kAbout =
    "aiotrace report: everything again from a recording (aiotrace --record FILE), without root, on any machine.";

struct ReportOptions {
  std::vector<std::string> files;
  bool diff = false;
  Thresholds thresholds;
  Options output;  // where what is told goes
};

const Arguments kArguments("aiotrace report");

Result<ReportOptions> parse(int argc, const char* const* argv) {
  ReportOptions options;
  std::string warn, error, fail_over, json;
  FileTexts files;
  CLI::App parser(kAbout, "aiotrace report");
  parser.add_option("FILE", options.files, "a recording; - is standard input. With --diff two")->type_name("");
  parser.add_flag("--diff", options.diff, "compare two recordings: what came, went, grew and shrank");
  parser.add_option("--warn", warn, "only stalls at least this long, not less than it was recorded with")
      ->type_name("TIME");
  parser.add_option("--error", error, "at least this long, and it is an ERROR")->type_name("TIME");
  parser.add_option("--fail-over", fail_over, "exit with 4 if a stall was at least this long")->type_name("TIME");
  parser.add_option("--json", json, "newline-delimited JSON to a file, or - for standard output")->type_name("FILE");
  declare_files(parser, files);
  parser.add_flag("-q,--quiet", options.output.quiet, "no text about single stalls, only the summary");
  parser.add_flag("-v,--verbose", options.output.verbose, "whole stacks");
  auto message = kArguments.parse(parser, argc - 1, argv + 1);
  if (!message) return std::unexpected(message.error());
  if (*message) {
    options.output.message = std::move(*message);
    return options;
  }
  if (auto status = kArguments.set_duration("--warn ", warn, options.thresholds.warn_ns); !status)
    return std::unexpected(status.error());
  if (auto status = kArguments.set_duration("--error ", error, options.thresholds.error_ns); !status)
    return std::unexpected(status.error());
  if (auto status = kArguments.set_duration("--fail-over ", fail_over, options.output.fail_over_ns); !status)
    return std::unexpected(status.error());
  if (options.files.size() != (options.diff ? 2U : 1U))
    return kArguments.usage("", options.diff ? "--diff needs two recordings" : "needs one recording");
  if (!json.empty()) options.output.json = json;
  if (auto status = set_files(kArguments, files, options.output); !status) return std::unexpected(status.error());
  const auto& output = options.output;
  if (options.diff && (output.folded || output.html || output.perfetto || output.speedscope || output.pprof))
    return kArguments.usage("--diff", "writes text and --json, no other file");
  return options;
}

int tell(const ReportOptions& options) {
  auto reader = output::RecordingReader::open(options.files.front());
  if (!reader) return report(reader.error());
  auto outputs = Outputs::open(options.output);
  if (!outputs) return report(outputs.error());
  outputs->as_recorded(reader->head());
  const Listener listener{.watching = [&](const model::Watching& watching) { outputs->watching(watching); },
                          .stall = [&](const model::Stall& stall) { outputs->stall(stall); },
                          .unfinished = [&](const model::Stall& stall) { outputs->unfinished(stall); },
                          .leaks = [&](const std::vector<model::Leak>& leaks,
                                       const model::LeakScan& scan) { outputs->leaks(leaks, scan); }};
  const auto replayed = replay(*reader, options.files.front(), options.thresholds, listener);
  if (!replayed) return report(replayed.error());
  outputs->finish(replayed->summary);
  if (replayed->incomplete) return report(*replayed->incomplete);
  if (outputs->failed()) return kExitFailure;
  const auto& fail_over = options.output.fail_over_ns;
  return fail_over && replayed->longest_stall_ns >= *fail_over ? kExitStall : 0;
}

Result<model::Summary> summary_of(const std::string& file, const Thresholds& thresholds) {
  auto reader = output::RecordingReader::open(file);
  if (!reader) return std::unexpected(reader.error());
  auto replayed = replay(*reader, file, thresholds, {});
  if (!replayed) return std::unexpected(replayed.error());
  // Half a recording compared with a whole one would show what is not so.
  if (replayed->incomplete) return std::unexpected(*replayed->incomplete);
  return std::move(replayed->summary);
}

int compare(const ReportOptions& options) {
  const auto before = summary_of(options.files[0], options.thresholds);
  if (!before) return report(before.error());
  const auto after = summary_of(options.files[1], options.thresholds);
  if (!after) return report(after.error());
  const auto comparison = model::compare(*before, *after);
  const auto write = [](const std::string& path, const auto& lines_for) -> Status {
    auto sink = output::FileSink::open(path);
    if (!sink) return std::unexpected(sink.error());
    for (const auto& line : lines_for(**sink)) {
      if (auto status = (*sink)->write_line(line); !status) return status;
    }
    return {};
  };
  if (options.output.json) {
    const auto status = write(*options.output.json, [&](const output::FileSink&) {
      return output::comparison_json(comparison, options.files[0], options.files[1]);
    });
    if (!status) return report(status.error());
    if (*options.output.json == "-") return 0;
  }
  const auto status = write("-", [&](const output::FileSink& sink) {
    auto context = terminal_context(sink);
    context.verbose = options.output.verbose;
    return output::comparison_lines(comparison, options.files[0], options.files[1], context);
  });
  return status ? 0 : report(status.error());
}

}  // namespace

int run_report(int argc, const char* const* argv) {
  signal(SIGPIPE, SIG_IGN);
  const auto options = parse(argc, argv);
  if (!options) return report(options.error());
  if (options->output.message) return print_message(*options->output.message);
  return options->diff ? compare(*options) : tell(*options);
}

}  // namespace aiotrace::app
