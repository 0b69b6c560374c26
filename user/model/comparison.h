// Two runs side by side: before and after a release.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/summary.h"

namespace aiotrace::model {

/// What became of a place's stalled time, per time that was watched.
enum class Change : std::uint8_t { came, grew, same, shrank, went };

/// The name as in JSON: "came".
[[nodiscard]] std::string_view name(Change change);

/// The same place in both: function and the file's last part are the same, of several processes the command too, and
/// the cause where it stands apart (stands_apart()). Releases live in directories of their own, and lines move.
struct PlaceChange {
  Change change = Change::same;
  std::optional<Place> before;
  std::optional<Place> after;
  double before_share = 0;  ///< stalled time per watched time
  double after_share = 0;
};

struct Comparison {
  Summary before;
  Summary after;
  std::vector<PlaceChange> places;  ///< the largest difference of shares first
};

/// A share that differs by less than a fifth, or by less than 50 µs per second watched, is the same: runs differ by as
/// much on their own.
[[nodiscard]] Comparison compare(Summary before, Summary after);

}  // namespace aiotrace::model
