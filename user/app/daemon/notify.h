// What systemd wants to know of a service with Type=notify (sd_notify(3)); libsystemd has no static archive.
#pragma once

#include <cstdint>
#include <string>

#include "util/result.h"

namespace aiotrace::app {

/// Reads the environment; without NOTIFY_SOCKET nothing is ever sent.
class ServiceManager {
 public:
  ServiceManager();

  /// Every probe is in place; also the end of a reload. `status`: one line for `systemctl status`.
  Status ready(const std::string& status) const;
  Status reloading() const;
  Status stopping() const;
  /// To be called now and then: says that the daemon is alive when half of the time that it has is over.
  void alive(std::uint64_t now_ns);

 private:
  [[nodiscard]] Status send(const std::string& message) const;

  std::string path_;
  std::uint64_t watchdog_ns_ = 0;  // 0: nobody waits for it
  std::uint64_t next_ns_ = 0;
};

}  // namespace aiotrace::app
