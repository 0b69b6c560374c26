// The kernel side of `leaks --origin`: a uprobe on the function that creates a process's coroutines, and its callers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

struct origin_config;  // bpf/abi/origin.h

namespace aiotrace::probe {

/// How a coroutine or asynchronous generator was created.
struct Maker {
  struct Frame {
    std::uint64_t code = 0;   ///< address of the code object
    std::int32_t lasti = -1;  ///< byte offset of the instruction in the bytecode; -1: no instruction has run yet
  };
  std::uint64_t made_ns = 0;  ///< CLOCK_MONOTONIC
  std::vector<Frame> frames;  ///< the innermost frames of the creator, innermost first; empty: unreadable
};

struct OriginCounts {
  std::uint64_t traps = 0;
  std::uint64_t kept = 0;
  std::uint64_t no_stack = 0;  ///< of the recorded ones: the thread's state was not found, or not readable
  std::uint64_t lost = 0;      ///< coroutines for which no map entry was free
  std::uint64_t run_ns = 0;    ///< of the program
};

class OriginProbe {
 public:
  /// Loads the program; nothing is attached yet. Errors as Probe::load().
  [[nodiscard]] static Result<OriginProbe> load(const origin_config& config);

  OriginProbe(OriginProbe&&) noexcept;
  OriginProbe& operator=(OriginProbe&&) noexcept;
  OriginProbe(const OriginProbe&) = delete;
  OriginProbe& operator=(const OriginProbe&) = delete;
  ~OriginProbe();

  /// Attaches to the return of a function at `offset` of the file `path`, which the process config.pid has mapped.
  Status attach(const std::string& path, std::uint64_t offset);

  /// The origin of the object that is at the address now. Nothing: it was created before, or so long ago that its entry
  /// was replaced.
  [[nodiscard]] std::optional<Maker> of(std::uint64_t address) const;
  /// Sums over all CPUs.
  [[nodiscard]] OriginCounts counts() const;

 private:
  struct Impl;
  explicit OriginProbe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
