// The page of --help: 80 columns, one usage block.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "app/cli/help_text.h"

namespace aiotrace::app {

/// Produces the same page with every version of CLI11; the versions have different layouts.
class HelpPage final : public CLI::FormatterBase {
 public:
  explicit HelpPage(HelpText text) : text_(std::move(text)) {}

  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  HelpText text_;
};

/// A blank at which filled() never breaks a line: U+00A0.
inline constexpr std::string_view kJoint = "\u00a0";

/// Wraps `text` into lines of at most `columns`; the second and later lines are indented by `indent` blanks. The first
/// line starts at column `indent`. A word longer than a line is not broken.
[[nodiscard]] std::string filled(std::string_view text, std::size_t indent, std::size_t columns);

}  // namespace aiotrace::app
