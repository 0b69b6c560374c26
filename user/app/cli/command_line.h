// The command line of one command: its options, their values, and the messages about mistakes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/help_text.h"
#include "util/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
class Option;
}  // namespace CLI

namespace aiotrace::app {

/// Whether the file may be "-", standard output.
enum class Dash : std::uint8_t { refused, standard_output };
enum class Pids : std::uint8_t { one, several };
enum class Zero : std::uint8_t { refused, allowed };

/// The command line of the program, or of one of its commands. Errors are of kind usage and fit on one line. An option
/// with a value can be given only once, except for processes.
class CommandLine {
 public:
  /// Of the program: `name` as a user types it.
  explicit CommandLine(const std::string& name);
  CommandLine(const CommandLine&) = delete;  // the declared options refer to this object
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  /// `aiotrace NAME …`. `summary` is shown next to the name in the program's help page.
  CommandLine& add_command(const std::string& name, const std::string& summary);

  void set_help(HelpText help);
  /// A program to start can follow after "--".
  void start_programs() { starts_program_ = true; }

  /// The heading of the options that are declared after this call.
  void group(std::string heading) { group_ = std::move(heading); }

  /// `names` as CLI11 takes them: "-d,--duration". `text` is what --help says.
  void add_flag(const std::string& names, bool& into, const std::string& text);
  /// `value` is the name of the value in --help: "TEXT".
  void add_text(const std::string& names, const std::string& value, std::optional<std::string>& into,
                const std::string& text, const std::string& example);
  void add_file(const std::string& names, std::optional<std::string>& into, const std::string& text,
                Dash dash = Dash::refused);
  /// --json: a file, or standard output.
  void add_json(std::optional<std::string>& into);
  /// Arguments without an option's name. `values` are the allowed values; empty: any.
  void add_words(const std::string& name, std::vector<std::string>& into, const std::string& text,
                 const std::vector<std::string>& values = {});
  void add_pids(std::vector<std::int32_t>& into, const std::string& text, Pids pids = Pids::several);
  /// In nanoseconds. `fallback` is the default that --help shows; empty: none.
  void add_duration(const std::string& names, std::optional<std::uint64_t>& into, const std::string& text,
                    const std::string& fallback = {}, Zero zero = Zero::refused);
  /// The same for an option whose value is optional: "--watch" or "--watch=5s". Without a value, `into` is set to
  /// `without`.
  void add_optional_duration(const std::string& names, std::optional<std::uint64_t>& into, std::uint64_t without,
                             const std::string& text);
  /// The present value of `into` is the default.
  void add_number(const std::string& names, const std::string& value, double& into, double least, double most,
                  const std::string& text);
  void add_count(const std::string& names, std::size_t& into, const std::string& text);
  /// One of `values`, which all have a name(); the present value of `into` is the default.
  template <class Value, std::size_t N>
  void add_choice(const std::string& names, const std::string& value, Value& into, const std::array<Value, N>& values,
                  const std::string& text) {
    std::vector<std::string> all;
    for (const auto each : values) all.emplace_back(name(each));
    add_choice(names, value, std::string(name(into)), std::move(all), text,
               [&into, values](std::size_t index) { into = values[index]; });
  }
  /// "on" or "off".
  void add_switch(const std::string& names, bool& into, const std::string& text);

  /// For the program only. Reads main's arguments. The arguments after "--" are the program to start. Values are stored
  /// only for the chosen command.
  [[nodiscard]] Status parse(int argc, const char* const* argv);
  /// The command that parse() found: this object if no command is named.
  [[nodiscard]] CommandLine& chosen();

  /// --help or --version was given: print this text to standard output and exit.
  [[nodiscard]] const std::optional<std::string>& message() const { return message_; }
  /// The help page of one of the program's commands, or of the program if `command` is empty; nothing: there is no such
  /// command. Can be called for a command or for the program.
  [[nodiscard]] std::optional<std::string> page_of(const std::string& command) const;
  [[nodiscard]] std::vector<std::string> command_names() const;
  [[nodiscard]] const std::vector<std::string>& program() const { return program_; }
  /// "--" was given, with a program or without.
  [[nodiscard]] bool has_program() const { return has_program_; }

  /// An error of kind usage.
  [[nodiscard]] std::unexpected<Error> usage(std::string what, std::string reason = {}) const;
  /// The same for a mistake whose message does not say what to do.
  [[nodiscard]] std::unexpected<Error> usage_see_help(std::string what, std::string reason = {}) const;

 private:
  struct Declared {
    CLI::Option* option;
    std::string name;     // as messages call it: "-d"
    std::string needs;    // "a time"
    std::string example;  // "30s"
    std::function<Status(const std::string& text)> take;
    bool several = false;
  };

  Declared& declare(const std::string& names, const std::string& value, const std::string& text, std::string needs,
                    std::string example, std::function<Status(const std::string& text)> take);
  void add_choice(const std::string& names, const std::string& value, const std::string& fallback,
                  std::vector<std::string> values, const std::string& text, std::function<void(std::size_t)> take);
  CommandLine(CommandLine& parent, const std::string& name, CLI::App& app);
  void prepare();
  [[nodiscard]] std::string page() const;
  [[nodiscard]] const CommandLine& root() const { return parent_ == nullptr ? *this : *parent_; }
  [[nodiscard]] Status read(const std::vector<std::string>& arguments);
  [[nodiscard]] Status check_words(const std::vector<std::string>& arguments);
  [[nodiscard]] Status take_program(std::vector<std::string> program);
  [[nodiscard]] Status take_values() const;
  [[nodiscard]] Status take(const Declared& declared) const;
  [[nodiscard]] std::unexpected<Error> without_value(const Declared& declared) const;
  [[nodiscard]] std::unexpected<Error> misread(const std::vector<std::string>& arguments,
                                               const std::string& what) const;
  [[nodiscard]] std::unexpected<Error> unexpected(const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::unexpected<Error> unknown_option(const std::string& word) const;
  [[nodiscard]] const Declared* declared(const std::string& name) const;

  CommandLine* parent_ = nullptr;
  std::string name_;
  bool starts_program_ = false;
  std::unique_ptr<CLI::App> owned_;  // commands of the program; CLI11 owns the commands' own objects
  CLI::App* app_;
  std::vector<std::unique_ptr<CommandLine>> commands_;
  std::string group_ = "Options";
  std::vector<Declared> declared_;
  std::optional<std::string> message_;
  std::vector<std::string> program_;
  bool has_program_ = false;
};

}  // namespace aiotrace::app
