#include "probe/tracefs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "probe/privileges.h"
#include "util/unique_fd.h"

namespace aiotrace::probe {

namespace {

Result<std::uint64_t> read_number(int directory, const std::string& path) {
  UniqueFd fd(openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("read tracefs " + path, errno);
  std::array<char, 32> text{};
  const ssize_t got = read(fd.get(), text.data(), text.size());
  if (got <= 0) return fail_errno("read tracefs " + path, got < 0 ? errno : EIO);
  std::uint64_t id = 0;
  if (std::from_chars(text.data(), text.data() + got, id).ec != std::errc{})
    return fail("read tracefs " + path, "holds no number");
  return id;
}

// A tracefs that is not mounted anywhere.
Result<UniqueFd> detached_tracefs() {
  const std::string what = "look into tracefs";
  const AdminForAMoment admin;
  UniqueFd context(fsopen("tracefs", FSOPEN_CLOEXEC));
  const auto refused = [&](int error) {
    return fail_errno(what, error, "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing",
                      error == EPERM ? ErrorKind::not_permitted : ErrorKind::unsupported);
  };
  if (!context) return refused(errno);
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return refused(errno);
  UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) return refused(errno);
  return mount;
}

}  // namespace

Result<std::uint64_t> tracepoint_id(const std::string& name) {
  const std::string path = "events/" + name + "/id";
  for (const char* root : {"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"}) {
    if (auto id = read_number(AT_FDCWD, root + path)) return id;
  }
  auto tracefs = detached_tracefs();
  if (!tracefs) return std::unexpected(tracefs.error());
  auto id = read_number(tracefs->get(), path);
  if (!id) id.error().kind = ErrorKind::unsupported;
  return id;
}

}  // namespace aiotrace::probe
