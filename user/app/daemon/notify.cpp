#include "app/daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "util/clock.h"
#include "util/log.h"
#include "util/unique_fd.h"

namespace aiotrace::app {

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

ServiceManager::ServiceManager() : path_(environment("NOTIFY_SOCKET")) {
  // Of another process, if its pid is not ours.
  const auto pid = environment("WATCHDOG_PID");
  if (pid.empty() || number(pid) == static_cast<std::uint64_t>(::getpid()))
    watchdog_ns_ = number(environment("WATCHDOG_USEC")) * 1000;
}

Status ServiceManager::send(const std::string& message) const {
  if (path_.empty()) return {};
  const auto what = "notify the service manager by " + path_;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return fail(what, "the path is too long");
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract one
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  if (!fd ||
      ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size) < 0)
    return fail_errno(what, errno);
  return {};
}

Status ServiceManager::ready(const std::string& status) const { return send("READY=1\nSTATUS=" + status + "\n"); }

Status ServiceManager::reloading() const {
  return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_ns() / 1000) + "\n");
}

Status ServiceManager::stopping() const { return send("STOPPING=1\n"); }

void ServiceManager::alive(std::uint64_t now_ns) {
  if (watchdog_ns_ == 0 || now_ns < next_ns_) return;
  next_ns_ = now_ns + watchdog_ns_ / 2;
  if (auto status = send("WATCHDOG=1\n"); !status) say(status.error().message());
}

}  // namespace aiotrace::app
