// The files for viewers, as options of the commands that can write them.
#pragma once

#include <string>

#include "app/arguments.h"
#include "app/options.h"

namespace aiotrace::app {

/// As the user typed them, before they are checked.
struct FileTexts {
  std::string folded, html, perfetto, speedscope, pprof, record;
};

/// --folded, --html, --perfetto, --speedscope and --pprof.
void declare_files(CLI::App& parser, FileTexts& texts);

/// Errors of kind usage: standard output is no place for them.
[[nodiscard]] Status set_files(const Arguments& arguments, const FileTexts& texts, Options& options);

}  // namespace aiotrace::app
