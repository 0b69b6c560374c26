// Who made a process's coroutines, from now on: for `leaks --origin`.
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
  /// The first time of a coroutine's life that is known.
  struct Origin {
    std::uint64_t made_ns = 0;  ///< CLOCK_MONOTONIC
    std::uint64_t id = 0;       ///< the same for all made at the same lines; never 0
  };

  /// Sets the probe. Errors: no CPython that is known, it does not show where coroutines are made, no permission.
  [[nodiscard]] static Result<Origins> watch(const proc::Process& process);

  /// To be called before a look. What was found in the last one is remembered, though others may have taken its entry.
  void begin_look();
  /// Of what lies at the address now. Nothing: made before the probe was set.
  [[nodiscard]] std::optional<Origin> of(std::uint64_t address);
  /// Innermost first. `codes` must read the process as it is now.
  [[nodiscard]] model::Stack stack(std::uint64_t id, python::CodeCache& codes) const;

  [[nodiscard]] probe::OriginCounts counts() const { return probe_.counts(); }

 private:
  explicit Origins(probe::OriginProbe probe) : probe_(std::move(probe)) {}

  probe::OriginProbe probe_;
  std::unordered_map<std::uint64_t, Origin> now_;             // by address, of this look
  std::unordered_map<std::uint64_t, Origin> before_;          // of the last one
  std::unordered_map<std::uint64_t, probe::Maker> examples_;  // by id
};

}  // namespace aiotrace::app
