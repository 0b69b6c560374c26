#include "model/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "model/cause.h"

namespace aiotrace::model {
namespace {

// The cause and the system call only identify places that stand apart or have no function; for other places a release
// may change them.
using Key = std::tuple<std::optional<Cause>, std::string, std::string, std::string, std::string, bool>;

Key key_of(const Place& place, bool by_process) {
  Key key{{},          {}, by_process ? place.comm : "", place.function, place.file.substr(place.file.rfind('/') + 1),
          place.others};
  if (stands_apart(place.cause) || (place.function.empty() && !place.others)) std::get<0>(key) = place.cause;
  if (place.function.empty()) std::get<1>(key) = place.syscall;
  return key;
}

// If each side has one program, its name may differ: python3.11 before, python3.12 after.
bool several_processes(const Summary& summary) {
  return std::ranges::any_of(summary.places, [&summary](const Place& place) {
    return !place.others && place.comm != summary.places.front().comm;
  });
}

void merge(std::optional<Place>& into, const Place& place) {
  if (!into) {
    into = place;
    return;
  }
  into->ns += place.ns;
  into->stalls += place.stalls;
  into->max_ns = std::max(into->max_ns, place.max_ns);
  for (std::size_t i = 0; i < kCauses; ++i) into->cause_ns.at(i) += place.cause_ns.at(i);
  const auto largest = causes_by_size(into->cause_ns);
  if (largest.empty() || largest.front() == into->cause) return;
  into->cause = largest.front();
  into->syscall = into->cause == place.cause ? place.syscall : std::string();
}

double share_of(const std::optional<Place>& place, const Summary& summary) {
  if (!place || summary.elapsed_ns == 0) return 0;
  return static_cast<double>(place->ns) / static_cast<double>(summary.elapsed_ns);
}

Change change_of(const PlaceChange& place) {
  if (!place.before) return Change::came;
  if (!place.after) return Change::went;
  constexpr double kLeastReported = 50e-6;
  constexpr double kFifth = 0.2;
  const double difference = place.after_share - place.before_share;
  if (std::abs(difference) < kLeastReported || std::abs(difference) < kFifth * place.before_share) return Change::same;
  return difference > 0 ? Change::grew : Change::shrank;
}

}  // namespace

std::string_view name(Change change) {
  constexpr std::array<std::string_view, 5> kNames{"came", "grew", "same", "shrank", "went"};
  const auto at = static_cast<std::size_t>(change);
  return at < kNames.size() ? kNames[at] : "unknown";
}

Comparison compare(Summary before, Summary after) {
  std::map<Key, PlaceChange> by_key;
  const bool by_process = several_processes(before) && several_processes(after);
  for (const auto& place : before.places) merge(by_key[key_of(place, by_process)].before, place);
  for (const auto& place : after.places) merge(by_key[key_of(place, by_process)].after, place);
  Comparison comparison{.before = std::move(before), .after = std::move(after), .places = {}};
  for (auto& [key, place] : by_key) {
    place.before_share = share_of(place.before, comparison.before);
    place.after_share = share_of(place.after, comparison.after);
    place.change = change_of(place);
    comparison.places.push_back(std::move(place));
  }
  const auto difference = [](const PlaceChange& place) { return std::abs(place.after_share - place.before_share); };
  std::ranges::stable_sort(comparison.places, std::ranges::greater{}, difference);
  return comparison;
}

}  // namespace aiotrace::model
