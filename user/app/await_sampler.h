// Snapshots of tasks as the model of awaits takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/awaits.h"
#include "model/weighted_stacks.h"
#include "python/tasks.h"

namespace aiotrace::app {

class AwaitSampler {
 public:
  /// `match`: only tasks with this in their name, in their coroutine's or in a function of their await chain.
  explicit AwaitSampler(std::optional<std::string> match, bool stacks) : match_(std::move(match)), stacks_(stacks) {}

  /// TaskReader::read_again.
  using ReadAgain = std::function<std::vector<std::optional<python::Task>>(std::span<const python::Task* const> tasks,
                                                                           std::uint64_t taken_ns)>;

  /// Tasks that seem to be in another await than in the snapshot before are read again: some only seem so, since they
  /// went on while they were read. Where there is no time to read all of them again, the others count only where a
  /// chain of awaits like theirs has been seen for sure.
  void add(python::TaskSnapshot snapshot, const ReadAgain& read_again);
  /// To be called when all are added. Where a task changed while it was read, a place shows less: it then takes what
  /// other snapshots show of it.
  void settle();

  [[nodiscard]] const model::AwaitTable& sites() const { return sites_; }
  /// Before the first snapshot: sites().curves() is wanted.
  void keep_curves() { sites_.keep_curves(); }
  /// By whole await chain, if wanted: site.coroutine is the chain as a folded stack.
  [[nodiscard]] const model::AwaitTable& stacks() const { return by_stack_; }
  /// The same with their frames, weighted by the time that was waited.
  [[nodiscard]] model::WeightedStacks weighted_stacks() const;
  /// Tasks that waited, in the snapshot with most of them.
  [[nodiscard]] std::uint64_t most_tasks() const { return most_tasks_; }
  /// Times that a task was left out, as there was no time to read it again.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  /// Those of the last snapshot.
  [[nodiscard]] std::uint64_t last_tasks() const { return last_tasks_; }

 private:
  struct Known {
    std::size_t site = 0;
    std::size_t stack = 0;
  };
  /// Of one await chain, whatever the tasks: for what it was seen to wait.
  struct Chain {
    std::unordered_map<std::uint64_t, Known> by_wait;
    int clearest = -1;  // how clearly the latest of the clearest waits shows what is awaited
    Known latest;
  };
  struct Made {
    model::AwaitSite site;
    Known number;
    int clear = 0;
  };
  struct Standing {            // of a task, in the snapshot before
    std::uint64_t place = 0;   // the same coroutines at the same lines
    std::uint64_t object = 0;  // that it waits for
    std::optional<std::uint64_t> end_ns;
    std::uint64_t await = 0;
  };
  [[nodiscard]] Known find(const python::Task& task, std::uint64_t chain);
  [[nodiscard]] Known make(const python::Task& task, bool full);
  struct Seen {
    std::uint64_t chain = 0;  ///< 0: it waits for nothing, or is not wanted
    Standing standing;        ///< its await 0: another one than in the snapshot before
    bool sure = false;        ///< seen twice: in the snapshot before, or read again
  };
  [[nodiscard]] Seen see(const python::Task& task, std::uint64_t taken_ns) const;
  [[nodiscard]] Standing stands(const python::Task& task, std::uint64_t chain, std::uint64_t taken_ns) const;
  [[nodiscard]] static std::vector<std::size_t> moved_in(const python::TaskSnapshot& snapshot,
                                                         const std::vector<Seen>& seen);
  [[nodiscard]] std::vector<Seen> see_all(python::TaskSnapshot& snapshot, const ReadAgain& read_again) const;

  std::optional<std::string> match_;
  bool stacks_;
  model::AwaitTable sites_;
  model::AwaitTable by_stack_;
  std::unordered_map<std::string, std::vector<model::WeightedFrame>> frames_;  // root first, by folded stack
  std::unordered_map<std::uint64_t, Chain> chains_;
  std::vector<Made> made_;
  std::unordered_map<std::uint64_t, Standing> standing_;  // by task
  std::size_t snapshots_ = 0;
  std::uint64_t left_out_ = 0;
  std::uint64_t awaits_ = 0;  // numbers given
  std::uint64_t most_tasks_ = 0;
  std::uint64_t last_tasks_ = 0;
};

}  // namespace aiotrace::app
