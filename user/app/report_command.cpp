#include "app/report_command.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/arguments.h"
#include "app/command_output.h"
#include "app/file_options.h"
#include "app/options.h"
#include "app/outputs.h"
#include "app/replay.h"
#include "app/session.h"
#include "model/comparison.h"
#include "model/stack_comparison.h"
#include "model/weighted_stacks.h"
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
  if (options.diff && (output.folded || output.perfetto || output.speedscope || output.pprof))
    return kArguments.usage("--diff", "writes text, --json and --html, no other file");
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

// What of a run is compared.
struct Run {
  model::Summary summary;
  model::WeightedStacks stacks{"stalled", "segments", model::WeightedStacks::Unit::nanoseconds};
};

Result<Run> run_of(const std::string& file, const Thresholds& thresholds) {
  auto reader = output::RecordingReader::open(file);
  if (!reader) return std::unexpected(reader.error());
  Run run;
  const auto add = [&](const model::Stall& stall) { model::add_stall(run.stacks, stall); };
  const auto add_ended = [&](const model::Stall& stall) {
    if (!stall.ongoing) add(stall);
  };
  auto replayed = replay(*reader, file, thresholds, {.watching = {}, .stall = add_ended, .unfinished = add});
  if (!replayed) return std::unexpected(replayed.error());
  // Half a recording compared with a whole one would show what is not so.
  if (replayed->incomplete) return std::unexpected(*replayed->incomplete);
  run.summary = std::move(replayed->summary);
  return run;
}

Status write_lines(output::FileSink& sink, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    if (auto status = sink.write_line(line); !status) return status;
  }
  return {};
}

// Each file is opened before anything is read: one that cannot be is known at once.
Status write_comparison(const ReportOptions& options) {
  const auto json = open_asked(options.output.json);
  if (!json) return std::unexpected(json.error());
  const auto html = open_asked(options.output.html);
  if (!html) return std::unexpected(html.error());
  const auto& before = options.files[0];
  const auto& after = options.files[1];
  const auto run_before = run_of(before, options.thresholds);
  if (!run_before) return std::unexpected(run_before.error());
  const auto run_after = run_of(after, options.thresholds);
  if (!run_after) return std::unexpected(run_after.error());
  const auto comparison = model::compare(run_before->summary, run_after->summary);
  if (*html) {
    const auto stacks = model::compare_stacks(run_before->stacks, comparison.before.elapsed_ns, run_after->stacks,
                                              comparison.after.elapsed_ns);
    if (auto status = (*html)->write_bytes(output::comparison_page(comparison, stacks, before, after)); !status)
      return status;
  }
  if (*json) {
    if (auto status = write_lines(**json, output::comparison_json(comparison, before, after)); !status) return status;
    if (*options.output.json == "-") return {};
  }
  auto text = output::FileSink::open("-");
  if (!text) return std::unexpected(text.error());
  auto context = terminal_context(**text);
  context.verbose = options.output.verbose;
  return write_lines(**text, output::comparison_lines(comparison, before, after, context));
}

int compare(const ReportOptions& options) {
  const auto status = write_comparison(options);
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
