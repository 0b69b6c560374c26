// The page of --help: 80 columns, one usage block.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "app/cli/help_text.h"

namespace aiotrace::app {

/// Writes the same page with each version of CLI11, whose own layout differs between them.
class HelpPage final : public CLI::FormatterBase {
 public:
  explicit HelpPage(HelpText text) : text_(std::move(text)) {}

  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  HelpText text_;
};

/// A blank that filled() never breaks a line at: U+00A0.
inline constexpr std::string_view kJoint = "\u00a0";

/// Words of `text` in lines of at most `columns`, the second and later ones behind `indent` blanks. The first line is
/// taken to start at column `indent`. Words longer than a line are not broken.
[[nodiscard]] std::string filled(std::string_view text, std::size_t indent, std::size_t columns);

}  // namespace aiotrace::app
