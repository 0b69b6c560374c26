// Creators of a process's coroutines, from now on: for `leaks --origin`.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "model/stall.h"
#include "probe/origin_probe.h"
#include "proc/process.h"
#include "python/code_cache.h"

namespace aiotrace::app {

class Origins {
 public:
  /// The earliest known time of a coroutine's life.
  struct Origin {
    std::uint64_t made_ns = 0;  ///< CLOCK_MONOTONIC
    std::uint64_t id = 0;       ///< the same for all objects that were created at the same lines; never 0
  };

  /// Attaches the probe. Errors: no supported CPython, it does not show where coroutines are created, no permission.
  [[nodiscard]] static Result<Origins> watch(const proc::Process& process);

  /// To be called before a scan. Entries found in the last scan are kept, even if other objects have replaced them in
  /// the map.
  void begin_look();
  /// The origin of the object that is at the address now. Nothing: it was created before the probe was attached.
  [[nodiscard]] std::optional<Origin> of(std::uint64_t address);
  /// Innermost first. `codes` must read the present memory of the process.
  [[nodiscard]] model::Stack stack(std::uint64_t id, python::CodeCache& codes) const;

  [[nodiscard]] probe::OriginCounts counts() const { return probe_.counts(); }

 private:
  explicit Origins(probe::OriginProbe probe) : probe_(std::move(probe)) {}

  probe::OriginProbe probe_;
  std::unordered_map<std::uint64_t, Origin> now_;             // by address, found in this scan
  std::unordered_map<std::uint64_t, Origin> before_;          // found in the last scan
  std::unordered_map<std::uint64_t, probe::Maker> examples_;  // by id
};

}  // namespace aiotrace::app
