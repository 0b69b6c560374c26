// Counts for the whole machine: from what a tracker finds to the series of each service.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "app/tracker_sink.h"
#include "fleet/registry.h"
#include "model/leaks.h"
#include "proc/service.h"

namespace aiotrace::app {

struct FleetCountsConfig {
  std::uint64_t warn_ns = 0;  ///< a present iteration at least this long is a stall
  bool other_loops = false;   ///< those of programs that are no Python too
};

class FleetCounts final : public TrackerSink {
 public:
  /// Gets the stalls that count, also the reports of those that go on.
  using OnStall = std::function<void(const proc::Service&, const model::Stall&, bool unfinished)>;

  explicit FleetCounts(FleetCountsConfig config) : config_(config) {}
  void on_stall(OnStall call) { on_stall_ = std::move(call); }

  void stall(const model::Stall& stall) override;
  void unfinished(const model::Stall& stall) override;
  void process_seen(std::uint32_t pid, const std::string& comm) override;
  void process_ended(std::uint32_t pid) override;
  void loop_ended(const model::LoopNow& loop) override;

  /// The counters of a loop as they are now.
  void take(const model::LoopNow& loop);
  /// What a look at a process has found; what is nothing stays as it was.
  void looked(std::uint32_t pid, std::optional<std::uint64_t> tasks, const std::optional<model::LeakCounts>& leaks);
  void end_looks(std::uint32_t pid) { registry_.end_looks(pid); }
  /// Whether loops of this kind are counted.
  [[nodiscard]] bool counts(model::LoopKind kind) const;
  /// Whose a process is.
  [[nodiscard]] const proc::Service& service_of(std::uint32_t pid);
  /// To be called now and then: forgets what ended long ago.
  void forget(std::uint64_t now_ns);

  [[nodiscard]] const fleet::Registry& registry() const { return registry_; }

 private:
  struct Known {
    proc::Service service;
    std::uint64_t ended_ns = 0;  // 0: it lives
  };
  void take(const model::Stall& stall, bool unfinished);
  void hold(const model::Stall& stall, bool unfinished);
  void give_held(const model::LoopNow& loop);

  FleetCountsConfig config_;
  OnStall on_stall_;
  fleet::Registry registry_;
  std::unordered_map<std::uint32_t, Known> services_;  // by pid
  // Of loops whose kind does not count: it may be that it is only not known yet.
  struct Held {
    model::Stall stall;
    bool unfinished = false;
    std::uint64_t since_ns = 0;
  };
  std::deque<Held> held_;
};

}  // namespace aiotrace::app
