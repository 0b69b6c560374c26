// The files that a run can write, beside its text. What is not set is not written.
#pragma once

#include <optional>
#include <string>

namespace aiotrace::app {

struct OutputFiles {
  std::optional<std::string> json;  ///< "-": standard output
  std::optional<std::string> folded;
  std::optional<std::string> html;
  std::optional<std::string> perfetto;
  std::optional<std::string> speedscope;
  std::optional<std::string> pprof;
  std::optional<std::string> record;
};

}  // namespace aiotrace::app
