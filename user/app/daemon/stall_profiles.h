// Profiles of processes that have just stalled for long, sent to Pyroscope.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "app/daemon/event_loop.h"
#include "app/daemon/http_client.h"
#include "app/top_profile.h"
#include "fleet/config.h"
#include "fleet/delivery.h"
#include "fleet/ingest.h"
#include "fleet/metrics.h"
#include "model/stall.h"
#include "proc/service.h"

namespace aiotrace::app {

/// One at a time, in a thread of its own with probes of its own; the next one begins when the one before has been sent
/// or given up.
class StallProfiles {
 public:
  /// `config` has an endpoint; `loop` must outlive it.
  StallProfiles(EventLoop& loop, fleet::ProfilesConfig config, std::string host);

  /// A stall that goes on or has ended. The id of the profile that its process is under; empty: none.
  [[nodiscard]] std::string stall(const proc::Service& service, const model::Stall& stall, std::uint64_t now_ns);
  /// To be called now and then: sends one that is complete.
  void look();

  /// Profiles that did not arrive, by reason.
  [[nodiscard]] std::vector<fleet::Dropped> dropped() const;

 private:
  struct Made {
    std::string path;
    std::string body;
  };
  [[nodiscard]] std::optional<Made> make(const model::ProfileReport& report) const;
  void send();
  void take(const HttpAnswer& answer);

  fleet::ProfilesConfig config_;
  std::string host_;
  HttpClient client_;
  fleet::ProfileBudget budget_;
  proc::Service service_;  // of the one that goes on
  std::string id_;
  std::unique_ptr<TopProfile> profile_;
  std::optional<Made> made_;  // to be sent
  unsigned attempts_ = 0;
  fleet::Backoff backoff_;
  std::unique_ptr<EventLoop::Event> next_try_;
  std::minstd_rand random_;
  std::uint64_t number_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t no_answer_ = 0;
};

}  // namespace aiotrace::app
