// Events that wait to be sent: bounded, the oldest go first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "fleet/otlp.h"

namespace aiotrace::fleet {

class EventQueue {
 public:
  struct Limits {
    std::size_t events = 1000;
    std::size_t bytes = 4'000'000;
  };
  explicit EventQueue(Limits limits) : limits_(limits) {}

  void add(EncodedEvent event);
  /// The oldest, one at least if there is any, as many as have `most_bytes` together. They count until settled() or
  /// put_back(), one of which must come before the next call.
  [[nodiscard]] const std::vector<EncodedEvent>& take(std::size_t most_bytes);
  /// The taken ones are delivered or given up.
  void settled();
  /// They wait again, in front.
  void put_back();

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  /// With those that are taken.
  [[nodiscard]] std::size_t events() const { return waiting_.size() + taken_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t taken() const { return taken_.size(); }
  /// Events for which there was no room.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void make_room(std::size_t bytes);

  Limits limits_;
  std::deque<EncodedEvent> waiting_;
  std::vector<EncodedEvent> taken_;
  std::size_t bytes_ = 0;  // of both
  std::uint64_t dropped_ = 0;
};

}  // namespace aiotrace::fleet
