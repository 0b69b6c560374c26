#include "util/sudo_command.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace aiotrace {

namespace {

// secure_path as sudoers(5) of Debian, Ubuntu and Fedora has it: sudo searches commands there, not in the user's path.
constexpr std::array<std::string_view, 6> kSecurePath = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                         "/usr/bin",        "/sbin",          "/bin"};

bool sudo_finds(const std::filesystem::path& program) {
  return std::ranges::find(kSecurePath, program.parent_path().string()) != kSecurePath.end();
}

std::string for_shell(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string text = "'";
  for (const char each : word) {
    if (each == '\'') {
      text += "'\\''";
    } else {
      text += each;
    }
  }
  return text + "'";
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  if (!arguments.empty()) arguments.erase(arguments.begin());
  return arguments;
}

}  // namespace

std::string sudo_command() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto name = error ? "aiotrace" : path.string();
  const auto arguments = own_arguments();
  // doctor describes what other commands need.
  if (!arguments.empty() && arguments.front() == "doctor") return sudo_command(name, {}) + " …";
  return sudo_command(name, arguments);
}

std::string sudo_command(const std::string& path, std::span<const std::string> arguments) {
  const std::filesystem::path program(path);
  std::string command = "sudo " + for_shell(sudo_finds(program) ? program.filename().string() : path);
  for (const auto& argument : arguments) command += " " + for_shell(argument);
  return command;
}

}  // namespace aiotrace
