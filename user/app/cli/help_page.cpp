#include "app/cli/help_page.h"

#include <algorithm>

#include "util/text.h"

namespace aiotrace::app {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 28;

// "name   text": the text in a column of its own, on the next line where the name is too long.
std::string row(const std::string& name, std::string_view text, std::size_t column) {
  std::string line = "  " + name;
  if (display_width(line) + 2 > column) {
    line += "\n" + std::string(column, ' ');
  } else {
    line = pad_right(line, column);
  }
  return line + filled(text, column, kColumns) + "\n";
}

// Long names are aligned, with and without a short name.
std::string names_of(const CLI::Option& option) {
  std::string names;
  if (option.get_positional()) {
    names = option.get_name(true, false);
  } else {
    for (const auto& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
    for (const auto& name : option.get_lnames()) names += (names.empty() ? "    --" : ", --") + name;
  }
  if (option.get_type_size() != 0 && !option.get_type_name().empty()) {
    const auto value = option.get_type_name();
    names += (value.starts_with('[') ? "" : " ") + value;
  }
  return names;
}

// Paragraphs are wrapped; lines that begin with a blank are kept.
std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    out += line.starts_with(' ') ? std::string(line) : filled(line, 0, kColumns);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string usage(const std::vector<std::string_view>& ways) {
  std::string out;
  for (const auto way : ways) {
    out += out.empty() ? "Usage: " : "       ";
    out += "aiotrace";
    if (!way.empty()) out.append(" ").append(way);
    out += '\n';
  }
  return out;
}

std::string rows(const std::string& title, const std::vector<const CLI::Option*>& options) {
  if (options.empty()) return {};
  std::string out = "\n" + title + ":\n";
  for (const auto* option : options) out += row(names_of(*option), option->get_description(), kTextColumn);
  return out;
}

std::string command_rows(const CLI::App& app) {
  constexpr std::size_t kNames = 12;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty()) return {};
  std::string out = "\nCommands:\n";
  for (const auto* command : commands) out += row(command->get_name(), command->get_description(), kNames);
  return out;
}

}  // namespace

std::string filled(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string out;
  std::size_t at = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto width = display_width(word);
    if (at > indent && at + 1 + width > columns) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
    } else if (at > indent) {
      out += ' ';
      at++;
    }
    out += word;
    at += width;
  }
  for (auto at_joint = out.find(kJoint); at_joint != std::string::npos; at_joint = out.find(kJoint, at_joint))
    out.replace(at_joint, kJoint.size(), " ");
  return out;
}

std::string HelpPage::make_help(const CLI::App* app, std::string /*name*/, CLI::AppFormatMode /*mode*/) const {
  std::vector<const CLI::Option*> positionals;
  std::vector<std::pair<std::string, std::vector<const CLI::Option*>>> groups;  // in the order of declaration
  for (const auto* option : app->get_options()) {
    auto group = std::ranges::find(groups, option->get_group(), [](const auto& each) { return each.first; });
    if (group == groups.end()) group = groups.insert(groups.end(), {option->get_group(), {}});
    (option->get_positional() ? positionals : group->second).push_back(option);
  }
  // Every command has --help and --version. They come last because people look for them least.
  if (!groups.empty()) std::ranges::rotate(groups, groups.begin() + 1);
  std::string out = paragraphs(text_.about) + "\n" + usage(text_.usage);
  out += command_rows(*app);
  out += rows("Arguments", positionals);
  for (const auto& [title, options] : groups) out += rows(title, options);
  if (!text_.end.empty()) out += "\n" + paragraphs(text_.end);
  return out;
}

}  // namespace aiotrace::app
