// Pauses of a thread that reads a process again and again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace aiotrace::app {

/// One thread waits; any other thread can end the pause.
class Pauses {
 public:
  /// False: the thread has to end; then returns at once.
  [[nodiscard]] bool wait(std::uint64_t ns) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::nanoseconds(ns), [this] { return ended_; });
  }
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

}  // namespace aiotrace::app
