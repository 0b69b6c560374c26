// What the frames of tasks and threads lead to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "python/hang_look.h"
#include "python/referents.h"

namespace aiotrace::python {

/// Follows references from frames to objects that are looked for: through attributes, small containers, closures and
/// suspended generators; not through modules, classes, futures, transports, and what has many items. Of one look.
class FrameReferences {
 public:
  /// An object that is none of those in between; how many references lie between it and the frame's variable.
  struct Found {
    std::uint64_t object = 0;
    unsigned distance = 0;
  };
  using IsWanted = std::function<bool(std::uint64_t object)>;

  /// `reader` must outlive this object. Nothing is followed behind a wanted object, nor from `closed` ones.
  FrameReferences(AsyncioReader& reader, IsWanted is_wanted, std::unordered_set<std::uint64_t> closed)
      : reader_(reader), referents_(reader), is_wanted_(std::move(is_wanted)), closed_(std::move(closed)) {}

  /// From a frame's variables and, of a suspended one, its stack.
  [[nodiscard]] std::vector<Found> of_frame(const LookFrame& frame, bool task, unsigned most_distance);
  [[nodiscard]] std::vector<Found> of_object(std::uint64_t object, unsigned most_distance);
  /// Not everything was looked at: kMaxSteps.
  [[nodiscard]] bool cut() const { return steps_ > kMaxSteps; }

  static constexpr std::size_t kMaxSteps = 1'000'000;

 private:
  using References = std::vector<std::uint64_t>;
  [[nodiscard]] std::vector<Found> search(References from, unsigned most_distance);
  [[nodiscard]] References slots_of(const LookFrame& frame, bool task);
  [[nodiscard]] const References& next_of(std::uint64_t object);
  [[nodiscard]] References read_next(std::uint64_t object);

  AsyncioReader& reader_;
  ReferentReader referents_;
  IsWanted is_wanted_;
  std::unordered_set<std::uint64_t> closed_;
  std::unordered_map<std::uint64_t, References> next_;  // by object
  std::unordered_map<std::uint64_t, bool> wanted_;      // by object
  std::size_t steps_ = 0;
};

}  // namespace aiotrace::python
