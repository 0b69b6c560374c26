// A short profile of one process during the watching of stalls, in a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/pauses.h"
#include "model/profile_run.h"

namespace aiotrace::app {

class TopProfile {
 public:
  /// Starts it: samples of all threads of the process, for this time.
  TopProfile(std::uint32_t pid, std::uint64_t duration_ns);
  TopProfile(const TopProfile&) = delete;
  TopProfile& operator=(const TopProfile&) = delete;
  /// Cancels a running profile.
  ~TopProfile();

  /// Ends it now; report() then has the data so far.
  void end_now();
  [[nodiscard]] bool goes_on() const;

  [[nodiscard]] std::uint32_t pid() const { return pid_; }
  /// By monotonic_ns().
  [[nodiscard]] std::uint64_t began_ns() const { return began_ns_; }
  [[nodiscard]] std::uint64_t duration_ns() const { return duration_ns_; }
  /// Null while it runs, and if it failed. Can be called from any thread.
  [[nodiscard]] std::shared_ptr<const model::ProfileReport> report() const;
  /// Why it failed; empty: it did not fail.
  [[nodiscard]] std::string problem() const;

 private:
  void work();

  std::uint32_t pid_;
  std::uint64_t duration_ns_;
  std::uint64_t began_ns_;
  Pauses pauses_;
  std::atomic<bool> given_up_ = false;
  mutable std::mutex mutex_;  // of the next two
  std::shared_ptr<const model::ProfileReport> report_;
  std::string problem_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace aiotrace::app
