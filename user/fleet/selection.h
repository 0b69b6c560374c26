// Which processes the daemon watches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proc/service.h"

namespace aiotrace::fleet {

/// Lists of patterns; a process that one of them matches is meant.
struct Processes {
  std::vector<std::string> command{};    ///< the command name, as ps -o comm shows it
  std::vector<std::string> service{};    ///< the service's name
  std::vector<std::string> unit{};       ///< the systemd unit: "web-*.service"
  std::vector<std::string> container{};  ///< the container's id, or its name in Kubernetes
  std::vector<std::string> cgroup{};     ///< the control group, or one above it: "/system.slice"

  bool operator==(const Processes&) const = default;
  [[nodiscard]] bool empty() const;
  [[nodiscard]] bool match(const proc::Service& service, std::string_view comm, std::string_view group) const;
};

struct Selection {
  Processes allow{};  ///< empty: all
  Processes deny{};   ///< wins over `allow`

  bool operator==(const Selection&) const = default;
  /// `group`: the path of its control group.
  [[nodiscard]] bool selects(const proc::Service& service, std::string_view comm, std::string_view group) const;
};

}  // namespace aiotrace::fleet
