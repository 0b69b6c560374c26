// Two runs side by side: before and after a release.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/summary.h"

namespace aiotrace::model {

/// How a place's stalled time per watched time has changed.
enum class Change : std::uint8_t { came, grew, same, shrank, went };

/// The name in JSON: "came".
[[nodiscard]] std::string_view name(Change change);

/// Places are the same if function and the file's last part are equal, with several processes also the command, and the
/// cause for places that stand apart (stands_apart()). Directories and lines may differ between releases.
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

/// A share counts as unchanged if it differs by less than a fifth, or by less than 50 µs per second watched: runs of
/// the same program differ by that much.
[[nodiscard]] Comparison compare(Summary before, Summary after);

}  // namespace aiotrace::model
