#include "fleet/selection.h"

#include <algorithm>

namespace aiotrace::fleet {

namespace {

bool any(const std::vector<std::string>& patterns, std::string_view text) {
  return !text.empty() && std::ranges::any_of(patterns, [text](const auto& each) { return matches(each, text); });
}

bool any_above(const std::vector<std::string>& patterns, std::string_view group) {
  for (auto path = group; !path.empty(); path = path.substr(0, path.rfind('/'))) {
    if (any(patterns, path)) return true;
  }
  return false;
}

}  // namespace

// Goes back to the last '*' only: linear but for that, whatever the pattern.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

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
