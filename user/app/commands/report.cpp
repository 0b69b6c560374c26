// `aiotrace report FILE`: everything again from a recording; --diff compares two.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/cli/exit_status.h"
#include "app/cli/messages.h"
#include "app/cli/run_options.h"
#include "app/command_output.h"
#include "app/commands/command.h"
#include "app/commands/fail_on_hang.h"
#include "app/commands/report_last.h"
#include "app/outputs.h"
#include "app/recorder_files.h"
#include "app/replay.h"
#include "app/replay_runs.h"
#include "model/comparison.h"
#include "model/stack_comparison.h"
#include "model/weighted_stacks.h"
#include "output/file_sink.h"
#include "output/json/comparison.h"
#include "output/page/comparison.h"
#include "output/text/comparison.h"
#include "recording/reader.h"

namespace aiotrace::app {

namespace {

struct ReportOptions {
  std::vector<std::string> recordings;
  bool diff = false;
  LastOptions last;
  Thresholds thresholds;
  std::optional<std::uint64_t> fail_over_ns;  ///< a stall this long makes the exit status 4
  bool fail_on_hang = false;                  ///< a proved hang makes the exit status 4 too
  OutputsConfig output;
};

int replay_other(recording::Reader& reader, const recording::Record& first, const ReportOptions& options) {
  const auto& name = options.recordings.front();
  if (options.thresholds.warn_ns || options.thresholds.error_ns || options.fail_over_ns || options.fail_on_hang)
    return report(fail(name, "there are no stalls in it", "leave out --warn, --error, --fail-over and --fail-on-hang",
                       ErrorKind::usage)
                      .error());
  const auto status = replay_command_run(reader, first, name, options.output);
  if (status) return 0;
  return status.error().reason.empty() ? kExitFailure : report(status.error());
}

int replay_one(const ReportOptions& options) {
  auto reader = recording::Reader::open(options.recordings.front());
  if (!reader) return report(reader.error());
  auto first = reader->next();
  if (first && is_command_run(*first)) return replay_other(*reader, *first, options);
  auto outputs = Outputs::open(options.output);
  if (!outputs) return report(outputs.error());
  outputs->as_recorded(reader->head());
  const Listener listener{.watching = [&](const model::Watching& watching) { outputs->watching(watching); },
                          .stall = [&](const model::Stall& stall) { outputs->stall(stall); },
                          .unfinished = [&](const model::Stall& stall) { outputs->unfinished(stall); },
                          .leaks = [&](const std::vector<model::Leak>& leaks,
                                       const model::LeakScan& scan) { outputs->leaks(leaks, scan); },
                          .hangs = [&](const model::ScannedHangs& look) { outputs->hangs(look); }};
  const auto replayed = replay(*reader, std::move(first), options.recordings.front(), options.thresholds, listener);
  if (!replayed) return report(replayed.error());
  outputs->finish(replayed->summary);
  if (replayed->incomplete) return report(*replayed->incomplete);
  if (outputs->failed()) return kExitFailure;
  const auto& fail_over = options.fail_over_ns;
  if (fail_over && replayed->longest_stall_ns >= *fail_over) return kExitStall;
  return options.fail_on_hang ? status_of_hangs(replayed->summary) : 0;
}

// The parts of a run that are compared.
struct Run {
  model::Summary summary;
  model::WeightedStacks stacks{"stalled", "segments", model::WeightedStacks::Unit::nanoseconds};
};

Result<Run> run_of(const std::string& file, const Thresholds& thresholds) {
  auto reader = recording::Reader::open(file);
  if (!reader) return std::unexpected(reader.error());
  Run run;
  const auto add = [&](const model::Stall& stall) { model::add_stall(run.stacks, stall); };
  const auto add_ended = [&](const model::Stall& stall) {
    if (!stall.ongoing) add(stall);
  };
  auto first = reader->next();
  if (first && is_command_run(*first)) return fail("--diff", file + " is no recording of stalls", {}, ErrorKind::usage);
  auto replayed = replay(*reader, std::move(first), file, thresholds,
                         {.watching = {}, .stall = add_ended, .unfinished = add});
  if (!replayed) return std::unexpected(replayed.error());
  // A comparison of a truncated recording with a whole one would show differences that do not exist.
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

// All files are opened before any is read, so that an error is reported at once.
Status write_comparison(const ReportOptions& options) {
  const auto json = open_asked(options.output.files.json);
  if (!json) return std::unexpected(json.error());
  const auto html = open_asked(options.output.files.html);
  if (!html) return std::unexpected(html.error());
  const auto& before = options.recordings[0];
  const auto& after = options.recordings[1];
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
    if (*options.output.files.json == "-") return {};
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

HelpText help() {
  return {.about =
              "aiotrace report shows everything again from a recording (aiotrace --record FILE): without root, "
              "on any machine.",
          .usage = {"report [OPTIONS] FILE", "report [OPTIONS] --diff FILE FILE", "report [OPTIONS] --last TIME"},
          .end =
              "Examples:\n"
              "  aiotrace report run.rec                       text, as the run showed it\n"
              "  aiotrace report run.rec --warn 500ms          only the long stalls\n"
              "  aiotrace report run.rec --html run.html       as a page for a browser\n"
              "  aiotrace report --diff before.rec after.rec   what became better or worse\n"
              "  sudo aiotrace report --last 15m               what aiotrace serve has kept"};
}

class Report final : public Command {
 public:
  void declare(CommandLine& line) override;
  [[nodiscard]] Status check(const CommandLine& line) override;
  [[nodiscard]] bool needs_rights() const override { return options_.last.last_ns.has_value(); }
  [[nodiscard]] int run() override;

 private:
  ReportOptions options_;
};

void Report::declare(CommandLine& line) {
  line.set_help(help());
  line.add_words("FILE", options_.recordings, "a recording; - is standard input. With --diff two");
  line.add_flag("--diff", options_.diff, "compare two recordings: what came, went, grew and shrank");
  line.add_duration("--last", options_.last.last_ns, "the stalls of this time, from the recordings of aiotrace serve");
  line.add_text("--service", "NAME", options_.last.service, "with --last: only those of this service", "shop");
  line.add_text("--state", "DIRECTORY", options_.last.state,
                "with --last: where these recordings are [default: " + std::string(kDefaultState) + "]", kDefaultState);
  line.add_duration("--warn", options_.thresholds.warn_ns,
                    "only stalls at least this long; not less than the recording's own threshold");
  line.add_duration("--error", options_.thresholds.error_ns, "a stall at least this long is marked as ERROR");
  line.add_duration("--fail-over", options_.fail_over_ns, "exit with status 4 if a stall was at least this long");
  line.add_flag("--fail-on-hang", options_.fail_on_hang, "exit with status 4 if something was proved to hang");
  line.group("Output");
  declare_files(line, options_.output.files, kStallFiles);
  line.add_flag("-q,--quiet", options_.output.quiet, "no text about single stalls, only the summary");
  line.add_flag("-v,--verbose", options_.output.verbose, "whole stacks");
}

Status Report::check(const CommandLine& line) {
  const auto& files = options_.output.files;
  if (options_.last.last_ns) {
    if (!options_.recordings.empty() || options_.diff) return line.usage("--last", "reads no other recording");
    if (options_.fail_on_hang) return line.usage("--fail-on-hang", "there are no hangs in these recordings");
    return {};
  }
  if (options_.last.service || options_.last.state) return line.usage("--service and --state", "are for --last");
  if (options_.recordings.size() != (options_.diff ? 2U : 1U))
    return line.usage_see_help(options_.diff ? "--diff needs two recordings" : "give one recording");
  const auto stacks = stack_files(files);
  const bool others = files.perfetto ||
                      std::ranges::any_of(stacks, [](const auto& file) { return file.second->has_value(); });
  if (options_.diff && others) return line.usage("--diff", "writes text, --json and --html, no other file");
  return {};
}

int Report::run() {
  if (options_.last.last_ns)
    return report_last(options_.last, options_.thresholds, options_.fail_over_ns, options_.output);
  return options_.diff ? compare(options_) : replay_one(options_);
}

}  // namespace

std::unique_ptr<Command> make_report() { return std::make_unique<Report>(); }

}  // namespace aiotrace::app
