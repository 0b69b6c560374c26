// Looks for hangs and leaks at some of the machine's processes, beside the watching of stalls.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "app/daemon/events.h"
#include "app/hang_watch.h"
#include "app/leak_watch.h"
#include "fleet/config.h"
#include "model/hang_run.h"
#include "model/leaks.h"

namespace aiotrace::app {

/// At most LooksConfig::processes at a time, the first that come: each has a thread for hangs and one for leaks. All
/// together take the time that looks at one process may take, 0.25 % of a CPU for each of the two.
class ProcessLooks {
 public:
  explicit ProcessLooks(fleet::LooksConfig config) : config_(config) {}

  /// The processes that have loops now: new ones are looked at as long as there is room. `ended` is called for each
  /// that is looked at no longer.
  void follow(const std::set<std::uint32_t>& pids, const std::function<void(std::uint32_t)>& ended);

  /// What has been found since the last call.
  struct Found {
    std::uint32_t pid = 0;
    std::vector<model::ScannedHangs> hangs{};  ///< that are news
    std::optional<std::uint64_t> tasks{};      ///< of the last look
    std::optional<model::LeakCounts> leaks{};  ///< of the last scan, if there was one
    std::vector<model::Leak> new_leaks{};
    model::LeakScan scan{};  ///< of these
  };
  void take(const std::function<void(const Found&)>& take);

 private:
  struct Process {
    std::unique_ptr<HangWatch> hangs;  // null: not wanted, or it has ended
    std::unique_ptr<LeakWatch> leaks;
    LeakNews news;
  };
  void begin(std::uint32_t pid);
  static Found take(std::uint32_t pid, Process& process);

  fleet::LooksConfig config_;
  std::map<std::uint32_t, Process> processes_;  // by pid
};

}  // namespace aiotrace::app
