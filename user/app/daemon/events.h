// What was found, as events for a collector.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "fleet/otlp.h"
#include "model/hang.h"
#include "model/leaks.h"
#include "model/stall.h"

namespace aiotrace::app {

/// asyncio.eventloop.stall. One that goes on has the id that its end has. `unfinished`: its end will not be seen.
/// `realtime_minus_monotonic_ns` makes CLOCK_REALTIME of its times.
[[nodiscard]] fleet::Event stall_event(const model::Stall& stall, bool unfinished,
                                       std::int64_t realtime_minus_monotonic_ns);
/// asyncio.hang, of the look that found it.
[[nodiscard]] fleet::Event hang_event(const model::Hang& hang, const model::HangScan& scan,
                                      std::int64_t realtime_minus_monotonic_ns);
/// asyncio.leak, of the scan that found it.
[[nodiscard]] fleet::Event leak_event(const model::Leak& leak, const model::LeakScan& scan,
                                      std::int64_t realtime_minus_monotonic_ns);

/// Which leaks of a process are worth an event: each place once, and again when twice as many hang there.
class LeakNews {
 public:
  /// Places beyond so many are no news any more.
  static constexpr std::size_t kMaxPlaces = 1000;

  /// Of one scan; candidates are none.
  [[nodiscard]] std::vector<model::Leak> of(const std::vector<model::Leak>& found);

 private:
  using Key = std::tuple<model::LeakClass, std::string, std::string, std::uint32_t, std::string, std::uint32_t>;
  static Key key_of(const model::Leak& leak);
  std::map<Key, std::uint64_t> reported_;  // how many they were
};

}  // namespace aiotrace::app
