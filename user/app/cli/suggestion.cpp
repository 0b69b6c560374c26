#include "app/cli/suggestion.h"

#include <algorithm>
#include <vector>

namespace aiotrace::app {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table: for `a` without its last two letters, without its last letter, and for all of `a`.
  std::vector<std::size_t> two_ago, before(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) before[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_ago[j - 2] + 1);
    }
    two_ago = before;
    before = row;
  }
  return before[b.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names) {
  constexpr std::size_t kLongest = 64;  // no name is similar to a longer word
  if (word.empty() || word.size() > kLongest) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t least = (word.size() + 1) / 3 + 1;
  for (const auto& name : names) {
    const auto distance = edit_distance(word, name);
    if (distance >= least) continue;
    least = distance;
    best = &name;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::string did_you_mean(std::string_view word, std::span<const std::string> names) {
  const auto name = nearest(word, names);
  return name ? "; did you mean '" + *name + "'?" : "";
}

}  // namespace aiotrace::app
