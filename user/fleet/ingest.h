// A profile for Pyroscope: where it goes, and how often there may be one. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "proc/service.h"

namespace aiotrace::fleet {

/// So many an hour, one at a time.
class ProfileBudget {
 public:
  explicit ProfileBudget(std::uint64_t per_hour) : per_hour_(per_hour) {}
  /// True: one may begin, and counts. Times of CLOCK_MONOTONIC.
  [[nodiscard]] bool take(std::uint64_t now_ns);

 private:
  std::uint64_t per_hour_;
  std::deque<std::uint64_t> begun_ns_;  // of the last hour
};

struct ProfileName {
  const proc::Service& service;
  std::string host;
  std::string id;  ///< as the event of the stall has it
  std::int64_t from_unix_ns = 0;
  std::int64_t until_unix_ns = 0;
};

/// "/ingest?name=…&from=…&until=…&format=pprof" of Pyroscope's HTTP API: the service with its labels, times in seconds.
[[nodiscard]] std::string ingest_path(const ProfileName& name);

}  // namespace aiotrace::fleet
