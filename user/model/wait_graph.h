// Who waits for what, who holds it, and what follows from that. Numbers only: names and stacks are added to what is
// found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/hang.h"

namespace aiotrace::model {

struct WaitGraph {
  struct Hold {
    std::uint32_t party = 0;
    HoldHow how = HoldHow::with;
  };
  /// A task or a thread.
  struct Party {
    bool task = true;
    /// It goes on when one of these is given to it; empty: it does not wait for a resource.
    std::vector<std::uint32_t> waits{};
    /// Of a task: the thread of its loop. It cannot go on while that one waits for a resource.
    std::optional<std::uint32_t> runs_on{};
    bool timed = false;    ///< something else ends its wait: a timeout
    bool goes_on = false;  ///< of a task: it was cancelled, and goes on as if it had not been
    bool steady = false;   ///< proved to have been in this very wait for as long as was looked
  };
  struct Resource {
    ResourceKind kind = ResourceKind::lock;
    std::vector<Hold> holds{};
    /// `holds` are proved to be all that could ever end a wait for it; without any: nobody can.
    bool closed = false;
    bool inferred = false;                  ///< that is concluded, not known
    std::vector<std::uint32_t> watchers{};  ///< parties that wait for it, too, but hold nobody up by that
    std::optional<std::uint64_t> capacity{};
    std::optional<std::uint64_t> out{};  ///< of the capacity, taken
  };
  std::vector<Party> parties{};
  std::vector<Resource> resources{};
};

/// What is found of one resource, or of one ring.
struct FoundHang {
  /// A party and the resource that it waits for; the next one holds that.
  struct Step {
    std::uint32_t party = 0;
    std::optional<std::uint32_t> resource{};  ///< nothing: it waits for its loop's thread
  };
  HangVerdict verdict = HangVerdict::waiting;
  bool exact = false;
  std::uint32_t resource = 0;            ///< of a ring: the one that its first party waits for
  std::vector<std::uint32_t> waiters{};  ///< for the resource; of a ring: those of it and all behind it
  std::vector<WaitGraph::Hold> holders{};
  std::vector<Step> ring{};
};

/// Proved ones first, then the most waiters. A ring is claimed only if each of its parties can be ended by no other
/// than parties that are themselves stuck: those that have a timeout, that may have gone on meanwhile, or whose
/// resource others may give back break it. Every party and resource number must be valid. Linear in the graph's size.
[[nodiscard]] std::vector<FoundHang> find_hangs(const WaitGraph& graph);

}  // namespace aiotrace::model
