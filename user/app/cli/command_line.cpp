#include "app/cli/command_line.h"

#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <span>

#include "app/cli/help_page.h"
#include "app/cli/suggestion.h"
#include "util/duration.h"
#include "util/text.h"
#include "util/version.h"

namespace aiotrace::app {

namespace {

constexpr std::size_t kShownWord = 60;

std::string quoted(const std::string& word) { return "'" + shorten_right(clean_for_terminal(word), kShownWord) + "'"; }

// "-d" of "-d,--duration": the short name, which people type.
std::string first_name(const std::string& names) { return names.substr(0, names.find(',')); }

std::string listed(std::span<const std::string> names, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); i++)
    text.append(i == 0 ? "" : i + 1 == names.size() ? last : ", ").append(names[i]);
  return text;
}

std::string default_tag(const std::string& value) { return " [default:" + std::string(kJoint) + value + "]"; }

bool is_pids(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789,") == std::string::npos;
}

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

// A file that a shell would execute.
bool is_program(const std::string& word) {
  if (word.find('/') != std::string::npos) return access(word.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (end != 0 && access((std::string(rest.substr(0, end)) + "/" + word).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// "12" or "12,34"; false: something else.
bool read_pids(const std::string& text, std::vector<std::int32_t>& pids) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int32_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc{} || pid <= 0 || (next != end && *next != ',')) return false;
    if (std::ranges::find(pids, pid) == pids.end()) pids.push_back(pid);
    if (next == end) return true;
    at = next + 1;
  }
}

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

CommandLine::CommandLine(const std::string& name)
    : name_(name), owned_(std::make_unique<CLI::App>("", name)), app_(owned_.get()) {
  app_->require_subcommand(0, 1);
  prepare();
}

CommandLine::CommandLine(CommandLine& parent, const std::string& name, CLI::App& app)
    : parent_(&parent), name_(parent.name_ + " " + name), app_(&app) {
  prepare();
}

CommandLine::~CommandLine() = default;

void CommandLine::prepare() {
  app_->set_help_flag("-h,--help", "show this help and exit")->group("Other");
  app_->set_version_flag("-V,--version", std::string("aiotrace ") + kVersion, "show the version and exit")
      ->group("Other");
  // Unknown options and commands are reported with our own messages.
  app_->allow_extras();
}

CommandLine& CommandLine::add_command(const std::string& name, const std::string& summary) {
  auto* app = app_->add_subcommand(name, summary);
  return *commands_.emplace_back(new CommandLine(*this, name, *app));
}

void CommandLine::set_help(HelpText help) { app_->formatter(std::make_shared<HelpPage>(std::move(help))); }

CommandLine::Declared& CommandLine::declare(const std::string& names, const std::string& value, const std::string& text,
                                            std::string needs, std::string example,
                                            std::function<Status(const std::string& text)> take) {
  // Values are validated after all arguments are known. CLI11's own validators run earlier: a wrong value would be
  // reported instead of --help or of an unknown option. CLI11's CLI::Range also accepts "nan".
  auto* option = app_->add_option(names, CLI::callback_t([](const CLI::results_t&) { return true; }), text);
  option->type_name(value)->type_size(1)->expected(1)->group(group_);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return declared_.emplace_back(Declared{.option = option,
                                         .name = first_name(names),
                                         .needs = std::move(needs),
                                         .example = std::move(example),
                                         .take = std::move(take)});
}

void CommandLine::add_flag(const std::string& names, bool& into, const std::string& text) {
  app_->add_flag(names, into, text)->group(group_);
}

void CommandLine::add_text(const std::string& names, const std::string& value, std::optional<std::string>& into,
                           const std::string& text, const std::string& example) {
  declare(names, value, text, "a value", example, [&into](const std::string& given) -> Status {
    into = given;
    return {};
  });
}

void CommandLine::add_file(const std::string& names, std::optional<std::string>& into, const std::string& text,
                           Dash dash) {
  const auto name = first_name(names);
  declare(names, "FILE", text, "a file", dash == Dash::refused ? "out." + name.substr(2) : "-",
          [this, name, &into, dash](const std::string& given) -> Status {
            if (given == "-" && dash == Dash::refused)
              return usage(name + " -", "needs a file, it is not written to standard output");
            into = given;
            return {};
          });
}

void CommandLine::add_json(std::optional<std::string>& into) {
  add_file("--json", into, "newline-delimited JSON; - is standard output, without text then", Dash::standard_output);
}

void CommandLine::add_words(const std::string& name, std::vector<std::string>& into, const std::string& text,
                            const std::vector<std::string>& values) {
  const auto shown = values.empty() ? text : text + " [possible values: " + listed(values, ", ") + "]";
  app_->add_option(name, into, shown)->type_name("")->group(group_);
}

void CommandLine::add_pids(std::vector<std::int32_t>& into, const std::string& text, Pids pids) {
  const bool several = pids == Pids::several;
  auto& declared = declare("-p,--pid", several ? "PID[,PID…]" : "PID", text, "a process id", "1234",
                           [this, &into, several](const std::string& given) -> Status {
                             if (!read_pids(given, into))
                               return usage("-p " + given, several
                                                               ? "not a process id, or several with commas between them"
                                                               : "not a process id");
                             if (!several && into.size() > 1)
                               return usage("-p " + given, "give one process: " + name_ + " looks at one at a time");
                             return {};
                           });
  declared.several = several;
  // `-p $(pgrep server)` passes several pids as separate words.
  if (several) declared.option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
}

void CommandLine::add_duration(const std::string& names, std::optional<std::uint64_t>& into, const std::string& text,
                               const std::string& fallback, Zero zero) {
  const auto name = first_name(names);
  declare(names, "TIME", fallback.empty() ? text : text + default_tag(fallback), "a time",
          fallback.empty() ? "30s" : fallback, [this, name, &into, zero](const std::string& given) -> Status {
            const auto ns = parse_duration(given);
            if (!ns) return usage(name + " " + given, ns.error().reason);
            if (*ns == 0 && zero == Zero::refused) return usage(name + " " + given, "must be more than 0");
            into = *ns;
            return {};
          });
}

void CommandLine::add_optional_duration(const std::string& names, std::optional<std::uint64_t>& into,
                                        std::uint64_t without, const std::string& text) {
  const auto name = first_name(names);
  auto& declared = declare(names, "[=TIME]", text, "a time", "10s",
                           [this, name, &into, without](const std::string& given) -> Status {
                             if (given.empty()) {
                               into = without;
                               return {};
                             }
                             const auto ns = parse_duration(given);
                             if (!ns) return usage(name + "=" + given, ns.error().reason);
                             if (*ns == 0) return usage(name + "=" + given, "must be more than 0");
                             into = *ns;
                             return {};
                           });
  declared.option->expected(0, 1);
}

void CommandLine::add_number(const std::string& names, const std::string& value, double& into, double least,
                             double most, const std::string& text) {
  const auto name = first_name(names);
  declare(names, value, text + default_tag(fmt::format("{}", into)), "a number", fmt::format("{}", into),
          [this, name, &into, least, most](const std::string& given) -> Status {
            const auto read = number<double>(given);
            // Written so that NaN is refused too.
            if (!read || !(*read >= least && *read <= most))
              return usage(name + " " + given, fmt::format("must be a number from {} to {}", least, most));
            into = *read;
            return {};
          });
}

void CommandLine::add_count(const std::string& names, std::size_t& into, const std::string& text) {
  const auto name = first_name(names);
  declare(names, "N", text + default_tag(std::to_string(into)), "a number", std::to_string(into),
          [this, name, &into](const std::string& given) -> Status {
            const auto read = number<std::size_t>(given);
            if (!read) return usage(name + " " + given, "must be a whole number, 0 or more");
            into = *read;
            return {};
          });
}

void CommandLine::add_choice(const std::string& names, const std::string& value, const std::string& fallback,
                             std::vector<std::string> values, const std::string& text,
                             std::function<void(std::size_t)> take) {
  const auto name = first_name(names);
  const auto shown = text + default_tag(fallback) + " [possible values: " + listed(values, ", ") + "]";
  declare(names, value, shown, "one of " + listed(values, " or "), fallback,
          [this, name, values, take = std::move(take)](const std::string& given) -> Status {
            const auto found = std::ranges::find(values, given);
            if (found == values.end())
              return usage(name + " " + given, "must be " + listed(values, " or ") + did_you_mean(given, values));
            take(static_cast<std::size_t>(found - values.begin()));
            return {};
          });
}

void CommandLine::add_switch(const std::string& names, bool& into, const std::string& text) {
  add_choice(names, "on|off", into ? "on" : "off", {"on", "off"}, text,
             [&into](std::size_t index) { into = index == 0; });
}

CommandLine& CommandLine::chosen() {
  const auto parsed = app_->get_subcommands();
  const auto is_parsed = [&](const auto& command) { return std::ranges::find(parsed, command->app_) != parsed.end(); };
  const auto found = std::ranges::find_if(commands_, is_parsed);
  return found == commands_.end() ? *this : **found;
}

std::optional<std::string> CommandLine::page_of(const std::string& command) const {
  if (command.empty()) return root().page();
  for (const auto& each : root().commands_) {
    if (each->app_->get_name() == command) return each->page();
  }
  return std::nullopt;
}

// App::help() would give the page of the command that was parsed.
std::string CommandLine::page() const {
  return app_->get_formatter()->make_help(app_, name_, CLI::AppFormatMode::Normal);
}

std::vector<std::string> CommandLine::command_names() const {
  std::vector<std::string> names;
  for (const auto& each : root().commands_) names.push_back(each->app_->get_name());
  return names;
}

Status CommandLine::parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  // Arguments after "--" belong to the program and are not parsed.
  const auto separator = std::ranges::find(arguments, "--");
  const bool has_program = separator != arguments.end();
  std::vector<std::string> program(has_program ? separator + 1 : separator, arguments.end());
  arguments.erase(separator, arguments.end());
  if (auto status = read(arguments); !status || message_) return status;
  if (auto status = check_words(arguments); !status) return status;
  if (has_program) {
    if (auto status = chosen().take_program(std::move(program)); !status) return status;
  }
  return chosen().take_values();
}

Status CommandLine::read(const std::vector<std::string>& arguments) {
  try {
    // CLI11 takes the arguments from the end.
    app_->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    message_ = (app_->get_help_ptr()->count() > 0 ? *this : chosen()).page();
  } catch (const CLI::CallForVersion& version) {
    message_ = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    return chosen().misread(arguments, error.what());
  }
  return {};
}

Status CommandLine::check_words(const std::vector<std::string>& arguments) {
  if (!app_->remaining().empty()) return unexpected(arguments);
  auto& command = chosen();
  if (&command == this) return {};
  if (!command.app_->remaining().empty()) return command.unexpected(arguments);
  const auto& name = command.app_->get_name();
  if (arguments.front() != name)
    return usage("unexpected argument " + quoted(name), "a command comes first: " + name_ + " " + name + " …");
  return {};
}

Status CommandLine::take_program(std::vector<std::string> program) {
  if (!starts_program_) return usage("--", name_ + " starts no command: give -p PID");
  if (program.empty()) return usage("--", "a command to start must follow");
  has_program_ = true;
  program_ = std::move(program);
  return {};
}

Status CommandLine::take_values() const {
  for (const auto& each : declared_) {
    if (auto status = take(each); !status) return status;
  }
  return {};
}

Status CommandLine::take(const Declared& declared) const {
  const auto& values = declared.option->results();
  if (values.size() > 1 && !declared.several) return usage(declared.name + " is given twice");
  for (const auto& value : values) {
    const bool may_be_empty = declared.option->get_items_expected_min() == 0;
    // "-p --json out": the value is missing.
    const bool option = is_option(value) && app_->get_option_no_throw(value) != nullptr;
    if ((value.empty() && !may_be_empty) || option) return without_value(declared);
    if (auto status = declared.take(value); !status) return status;
  }
  return {};
}

std::unexpected<Error> CommandLine::without_value(const Declared& declared) const {
  return usage(fmt::format("{} needs {}, e.g. {} {}", declared.name, declared.needs, declared.name, declared.example));
}

const CommandLine::Declared* CommandLine::declared(const std::string& name) const {
  const auto* option = app_->get_option_no_throw(name);
  const auto found = std::ranges::find(declared_, option, &Declared::option);
  return option == nullptr || found == declared_.end() ? nullptr : &*found;
}

std::unexpected<Error> CommandLine::misread(const std::vector<std::string>& arguments, const std::string& what) const {
  // Only the last option can lack its value, because any other option takes the argument that follows it.
  if (!arguments.empty()) {
    const auto* last = declared(arguments.back());
    if (last != nullptr && last->option->get_items_expected_min() > 0) return without_value(*last);
  }
  std::string reason = what;
  std::ranges::replace(reason, '\n', ' ');
  return usage_see_help(std::move(reason));
}

std::unexpected<Error> CommandLine::unknown_option(const std::string& word) const {
  const auto typed = word.substr(0, word.find('='));
  std::vector<std::string> names;
  for (const auto* option : app_->get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  const auto suggestion = typed.starts_with("--") ? did_you_mean(typed, names) : "";
  const auto message = "unknown option " + quoted(typed) + suggestion;
  return suggestion.empty() ? usage_see_help(message) : usage(message);
}

std::unexpected<Error> CommandLine::unexpected(const std::vector<std::string>& arguments) const {
  const auto words = app_->remaining();
  const auto& word = words.front();
  if (is_option(word)) return unknown_option(word);
  const bool has_pids = declared("-p") != nullptr;
  if (has_pids && is_pids(word))
    return usage("unexpected argument " + quoted(word) + "; did you mean '-p " + word + "'?");
  const bool is_root = parent_ == nullptr;
  if (is_root) {
    if (const auto command = did_you_mean(word, command_names()); !command.empty())
      return usage("unknown command " + quoted(word) + command);
  }
  if (starts_program_ && (words.size() > 1 || is_program(word))) {
    std::string program;
    for (auto at = std::ranges::find(arguments, word); at != arguments.end(); ++at) program += " " + *at;
    return usage("put -- before a command", name_ + " --" + shorten_right(clean_for_terminal(program), kShownWord));
  }
  return usage_see_help((is_root ? "unknown command " : "unexpected argument ") + quoted(word));
}

std::unexpected<Error> CommandLine::usage(std::string what, std::string reason) const {
  return fail(std::move(what), std::move(reason), {}, ErrorKind::usage);
}

std::unexpected<Error> CommandLine::usage_see_help(std::string what, std::string reason) const {
  return fail(std::move(what), std::move(reason), "see " + name_ + " --help", ErrorKind::usage);
}

}  // namespace aiotrace::app
