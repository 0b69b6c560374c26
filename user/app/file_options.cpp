#include "app/file_options.h"

#include <CLI/CLI.hpp>
#include <optional>

namespace aiotrace::app {

namespace {

struct File {
  const char* option;
  const std::string& text;
  std::optional<std::string>* into;
};

}  // namespace

void declare_files(CLI::App& parser, FileTexts& texts) {
  parser.add_option("--folded", texts.folded, "folded stacks of the stalled time, for flame graphs")->type_name("FILE");
  parser.add_option("--html", texts.html, "a report as one page for a browser: time line, stalls, flame graph")
      ->type_name("FILE");
  parser.add_option("--perfetto", texts.perfetto, "a trace for ui.perfetto.dev")->type_name("FILE");
  parser.add_option("--speedscope", texts.speedscope, "a profile of the stalled time for speedscope")
      ->type_name("FILE");
  parser.add_option("--pprof", texts.pprof, "the same for go tool pprof")->type_name("FILE");
}

Status set_files(const Arguments& arguments, const FileTexts& texts, Options& options) {
  for (const auto& [option, text, into] :
       {File{"--folded", texts.folded, &options.folded}, File{"--html", texts.html, &options.html},
        File{"--perfetto", texts.perfetto, &options.perfetto},
        File{"--speedscope", texts.speedscope, &options.speedscope}, File{"--pprof", texts.pprof, &options.pprof},
        File{"--record", texts.record, &options.record}}) {
    if (text == "-") return arguments.usage(std::string(option) + " -", "needs a file");
    if (!text.empty()) *into = text;
  }
  return {};
}

}  // namespace aiotrace::app
