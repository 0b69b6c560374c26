// The traced processes and their code: the same for stalls and for profiles.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "app/code_store.h"
#include "app/filter.h"
#include "app/target.h"
#include "model/events.h"
#include "model/stall_builder.h"
#include "probe/probe.h"
#include "util/result.h"

namespace aiotrace::app {

class TargetSet {
 public:
  /// What is known about a process when it is added.
  enum class Look {
    now,    ///< inspect it first
    later,  ///< one of many: it is inspected later, in its turn
    fresh,  ///< it has not called exec yet: there is nothing to inspect
  };

  /// `probe` must outlive the set. `stacks`: the maximum number of stored stacks.
  explicit TargetSet(probe::Probe& probe, std::size_t stacks = model::StackStore::kDefaultCapacity)
      : probe_(probe), stacks_(stacks) {}

  /// By pid, including processes that have ended and were not dropped yet.
  [[nodiscard]] auto begin() { return targets_.begin(); }
  [[nodiscard]] auto end() { return targets_.end(); }
  [[nodiscard]] auto begin() const { return targets_.begin(); }
  [[nodiscard]] auto end() const { return targets_.end(); }
  /// Null: not traced.
  [[nodiscard]] Target* find(std::uint32_t pid);
  /// The one with the next higher pid, else the first; null: there is none.
  [[nodiscard]] Target* next_after(std::uint32_t pid);
  [[nodiscard]] std::size_t size() const { return targets_.size(); }
  /// The number of processes that have not ended.
  [[nodiscard]] std::size_t alive() const;

  /// Begins to trace: BPF knows the process when this returns. Replaces a process with the same pid. Never null.
  [[nodiscard]] Result<Target*> add(Target target, Look look);
  /// Calls `take` for each process of /proc that is not traced yet, can be opened and passes the filter, and
  /// `not_opened` for each process that cannot be opened.
  void scan(
      const Filter& filter, const std::function<void(Target)>& take, const std::function<void()>& not_opened = [] {});
  /// Inspects processes again whose Python was not ready. BPF gets the changes, then `changed` is called. Returns when
  /// the next one is due; 0: none.
  std::uint64_t look(std::uint64_t now_ns, const std::function<void(Target&)>& changed = [](Target&) {});

  /// Descriptors to poll: they show the end of each process that has not ended.
  void add_pidfds(std::vector<pollfd>& fds) const;
  /// The processes that have ended according to such a poll.
  [[nodiscard]] std::vector<std::uint32_t> ended_in(std::span<const pollfd> fds) const;
  /// BPF forgets the process; its code objects stay known until it is dropped.
  void mark_ended(Target& target);
  /// Drops the processes that have ended. `dropped` gets their pids.
  void drop_ended(const std::function<void(std::uint32_t)>& dropped);
  /// exec: the process runs another program now, with this name.
  void exec(Target& target, const std::string& comm);

  /// False: its name could not be read.
  bool add(const model::CodeSeen& code);
  void add(const model::StackSeen& stack);
  [[nodiscard]] CodeStore& codes() { return codes_; }
  [[nodiscard]] model::StackStore& stacks() { return stacks_; }
  /// The thread that held the GIL when a wait for it began, with its stack at that time; nothing: unknown.
  [[nodiscard]] std::optional<model::Culprit> gil_holder(const model::Blocked& blocked);

 private:
  void forget_code(std::uint32_t pid);

  probe::Probe& probe_;
  std::map<std::uint32_t, Target> targets_;
  CodeStore codes_;
  model::StackStore stacks_;
};

}  // namespace aiotrace::app
