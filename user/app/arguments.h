// What the command lines of all commands have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace aiotrace::app {

class Arguments {
 public:
  /// `command` as a user types it: "aiotrace leaks".
  explicit Arguments(std::string command) : command_(std::move(command)) {}

  /// An error of kind usage on one line, which names the command's help.
  [[nodiscard]] std::unexpected<Error> usage(std::string what, std::string reason) const;

  /// Its help if that is asked for: nothing more to do then, whatever else was given.
  [[nodiscard]] Result<std::optional<std::string>> parse(CLI::App& parser, int argc, const char* const* argv) const;

  /// "12" or "12,34", added to `pids` if not there yet.
  Status add_pids(const std::string& text, std::vector<std::int32_t>& pids) const;

  /// `option` as it is typed, with what stands before the value: "--age ".
  [[nodiscard]] Result<std::uint64_t> duration(const std::string& option, const std::string& text,
                                               bool zero = false) const;
  /// The same; nothing is set without a text.
  Status set_duration(const std::string& option, const std::string& text, std::optional<std::uint64_t>& into) const;

 private:
  std::string command_;
};

/// Writes the text of --help or --version to standard output; the exit status.
[[nodiscard]] int print_message(const std::string& text);

}  // namespace aiotrace::app
