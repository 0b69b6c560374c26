#include "fleet/selection.h"

#include <algorithm>

#include "util/glob.h"

namespace aiotrace::fleet {

namespace {

bool any(const std::vector<std::string>& patterns, std::string_view text) {
  return !text.empty() && std::ranges::any_of(patterns, [text](const auto& each) { return glob_matches(each, text); });
}

bool any_above(const std::vector<std::string>& patterns, std::string_view group) {
  for (auto path = group; !path.empty();) {
    if (any(patterns, path)) return true;
    const auto slash = path.rfind('/');
    path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
  return false;
}

}  // namespace

bool Processes::empty() const { return *this == Processes{}; }

bool Processes::match(const proc::Service& its, std::string_view comm, std::string_view group) const {
  return any(command, comm) || any(service, its.name) || any(unit, its.unit) || any(container, its.container_id) ||
         any(container, its.container_name) || any_above(cgroup, group);
}

bool Selection::selects(const proc::Service& service, std::string_view comm, std::string_view group) const {
  if (deny.match(service, comm, group)) return false;
  return allow.empty() || allow.match(service, comm, group);
}

}  // namespace aiotrace::fleet
