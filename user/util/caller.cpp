#include "util/caller.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace aiotrace {
namespace {

template <class T>
std::optional<T> number_in(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<uid_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : number_in<uid_t>(text);
}

/// The numbers after "Name:" in /proc/PID/status.
std::vector<unsigned> numbers_behind(const std::string& status, std::string_view name) {
  std::vector<unsigned> numbers;
  const auto at = status.find("\n" + std::string(name) + ":");
  if (at == std::string::npos) return numbers;
  const auto begin = at + name.size() + 2;
  std::istringstream words(status.substr(begin, status.find('\n', begin) - begin));
  for (unsigned number = 0; words >> number;) numbers.push_back(number);
  return numbers;
}

std::vector<gid_t> groups_of(const Caller& who) {
  constexpr int kMostAncestors = 16;
  auto pid = static_cast<unsigned>(::getppid());
  for (int i = 0; i < kMostAncestors && pid > 1; ++i) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    const std::string status(std::istreambuf_iterator<char>(file), {});
    const auto users = numbers_behind(status, "Uid");
    const bool is_its = users.size() == 4 && std::ranges::all_of(users, [&](auto each) { return each == who.uid; });
    if (is_its) {
      const auto groups = numbers_behind(status, "Groups");
      return {groups.begin(), groups.end()};
    }
    const auto parent = numbers_behind(status, "PPid");
    if (parent.size() != 1) break;
    pid = parent.front();
  }
  return {who.gid};
}

/// The fields of the first line of a file in /etc whose n-th field has this value.
std::vector<std::string> line_with(const char* path, std::size_t n, std::string_view wanted) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    std::istringstream rest(line);
    for (std::string field; std::getline(rest, field, ':');) fields.push_back(field);
    if (n < fields.size() && fields[n] == wanted) return fields;
  }
  return {};
}

}  // namespace

Caller caller() {
  const auto uid = number_of("SUDO_UID");
  const auto gid = number_of("SUDO_GID");
  if (::getuid() == 0 && ::geteuid() == 0 && uid && gid) return {.uid = *uid, .gid = *gid, .behind_sudo = true};
  return {.uid = ::getuid(), .gid = ::getgid()};
}

Status become(const Caller& who) {
  const auto what = "become user " + std::to_string(who.uid);
  const auto groups = groups_of(who);
  if (::setgroups(groups.size(), groups.data()) != 0) return fail_errno(what, errno);
  if (::setresgid(who.gid, who.gid, who.gid) != 0) return fail_errno(what, errno);
  if (::setresuid(who.uid, who.uid, who.uid) != 0) return fail_errno(what, errno);
  return {};
}

void set_environment_of(const Caller& who) {
  if (const char* name = std::getenv("SUDO_USER")) {
    ::setenv("USER", name, 1);
    ::setenv("LOGNAME", name, 1);
  }
  // name:password:uid:gid:text:directory:shell
  const auto fields = line_with("/etc/passwd", 2, std::to_string(who.uid));
  if (fields.size() < 6) return;
  ::setenv("HOME", fields[5].c_str(), 1);
  if (fields.size() > 6) ::setenv("SHELL", fields[6].c_str(), 1);
}

bool is_in_group(std::string_view name) {
  // name:password:gid:members
  const auto fields = line_with("/etc/group", 0, name);
  const auto wanted = fields.size() > 2 ? number_in<gid_t>(fields[2]) : std::nullopt;
  if (!wanted) return false;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return ::getgid() == *wanted || std::ranges::find(groups, *wanted) != groups.end();
}

}  // namespace aiotrace
