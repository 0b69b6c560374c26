// The kernel side of `leaks --origin`: a uprobe on what makes a process's coroutines, and who called it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "abi/origin.h"
#include "util/result.h"

namespace aiotrace::probe {

class OriginProbe {
 public:
  /// Loads the program; nothing is attached yet. Errors as Probe::load().
  [[nodiscard]] static Result<OriginProbe> load(const origin_config& config);

  OriginProbe(OriginProbe&&) noexcept;
  OriginProbe& operator=(OriginProbe&&) noexcept;
  OriginProbe(const OriginProbe&) = delete;
  OriginProbe& operator=(const OriginProbe&) = delete;
  ~OriginProbe();

  /// To the return of a function at `offset` of the file `path`, as the process config.pid has it mapped.
  Status attach(const std::string& path, std::uint64_t offset);

  /// Of what lies at the address now. Nothing: it was made before, or so long ago that others have taken its entry.
  [[nodiscard]] std::optional<origin> of(std::uint64_t address) const;
  /// Over all CPUs.
  [[nodiscard]] origin_counts counts() const;

 private:
  struct Impl;
  explicit OriginProbe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiotrace::probe
