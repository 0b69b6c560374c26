#include "util/output_place.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "util/caller.h"

namespace aiotrace {
namespace {

constexpr int kMostLinks = 40;  // MAXSYMLINKS, include/linux/namei.h

/// The parts of a path; an absolute one begins with "/".
std::deque<std::string> parts_of(std::string_view path) {
  std::deque<std::string> parts;
  if (path.starts_with('/')) parts.emplace_back("/");
  while (!path.empty()) {
    const auto end = path.find('/');
    if (const auto part = path.substr(0, end); !part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  return parts;
}

UniqueFd open_directory(int at, const char* name) {
  return UniqueFd(::openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// All parts at once, if no link is on the way.
UniqueFd open_without_links(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

bool is_trusted(const struct stat& status, const Caller& who) { return status.st_uid == 0 || status.st_uid == who.uid; }

bool only_trusted_write(const struct stat& directory, const Caller& who) {
  const bool group = directory.st_gid == 0 || directory.st_gid == who.gid;
  return is_trusted(directory, who) && (directory.st_mode & S_IWOTH) == 0 &&
         ((directory.st_mode & S_IWGRP) == 0 || group);
}

/// What a link leads to; nothing: a stranger may have made it.
std::optional<std::string> trusted_link(int directory, const std::string& name) {
  const auto who = caller();
  struct stat of_directory{};
  struct stat of_link{};
  if (::fstat(directory, &of_directory) != 0) return std::nullopt;
  if (::fstatat(directory, name.c_str(), &of_link, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  if (!is_trusted(of_link, who) || !only_trusted_write(of_directory, who)) return std::nullopt;
  std::array<char, PATH_MAX> text{};
  const auto size = ::readlinkat(directory, name.c_str(), text.data(), text.size());
  if (size <= 0 || static_cast<std::size_t>(size) == text.size()) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(size));
}

Result<UniqueFd> walk(const std::string& folder, const std::string& what) {
  auto left = parts_of(folder);
  UniqueFd at = open_directory(AT_FDCWD, ".");
  for (int links = 0; !left.empty();) {
    const auto part = std::move(left.front());
    left.pop_front();
    UniqueFd next = open_directory(at.get(), part.c_str());
    const int error = errno;
    if (next) {
      at = std::move(next);
      continue;
    }
    // O_DIRECTORY with O_NOFOLLOW: a link is "not a directory".
    struct stat status{};
    const bool is_link = (error == ENOTDIR || error == ELOOP) &&
                         ::fstatat(at.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                         S_ISLNK(status.st_mode);
    if (!is_link) return fail_errno(what, error);
    if (++links > kMostLinks) return fail_errno(what, ELOOP);
    const auto target = trusted_link(at.get(), part);
    if (!target)
      return fail(what, part + " on the way is a symbolic link that another user can have made",
                  "give the path without it");
    const auto more = parts_of(*target);
    left.insert(left.begin(), more.begin(), more.end());
  }
  return at;
}

}  // namespace

Result<OutputPlace> find_output_place(const std::string& path) {
  const std::string what = "open " + path + " for writing";
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto folder = slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return path.empty() ? fail_errno(what, ENOENT)
                        : fail(what, "it is a directory", "give the path of a file, or - for a pipe");
  }
  OutputPlace place{.directory = open_without_links(folder), .name = name};
  if (place.directory) return place;
  // ELOOP: a link; ENOSYS and EPERM: no openat2 (a sandbox older than Linux 5.6).
  if (errno != ELOOP && errno != ENOSYS && errno != EPERM) return fail_errno(what, errno);
  auto directory = walk(folder, what);
  if (!directory) return std::unexpected(directory.error());
  place.directory = std::move(*directory);
  return place;
}

}  // namespace aiotrace
