// The files that a run can write, beside its text. Files that are not set are not written.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "output/trace/stack_formats.h"

namespace aiotrace::app {

struct OutputFiles {
  std::optional<std::string> json;  ///< "-": standard output
  std::optional<std::string> folded;
  std::optional<std::string> html;
  std::optional<std::string> perfetto;
  std::array<std::optional<std::string>, output::kStackFormats> stacks;  ///< as output::kStackFormatTable has them
  std::optional<std::string> record;
};

/// A file by its option; the path is in the OutputFiles.
using AskedFile = std::pair<std::string, const std::optional<std::string>*>;

/// --folded and the other formats of weighted stacks.
[[nodiscard]] std::vector<AskedFile> stack_files(const OutputFiles& files);

}  // namespace aiotrace::app
