// Names for the await chains that `awaits --exact` reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "model/awaits.h"
#include "model/events.h"
#include "proc/memory.h"
#include "python/code_cache.h"
#include "python/interpreter.h"

namespace aiotrace::app {

class ChainNames {
 public:
  struct Named {
    model::AwaitSite site;
    bool wanted = true;  ///< --match is in the name of a function, a file or the task's coroutine
    bool done = false;   ///< the awaited object is known, or asking again did not show it
    unsigned tries = 0;
  };

  /// Both references must outlive this object.
  ChainNames(const python::Interpreter& interpreter, const proc::Memory& memory, std::optional<std::string> match)
      : interpreter_(interpreter), memory_(memory), codes_(memory, interpreter.layout), match_(std::move(match)) {}

  /// Reads names and lines from the process, where the task is expected to be still in that await.
  const Named& add(const model::AwaitChainSeen& seen);
  /// Null for an unknown chain.
  [[nodiscard]] const Named* find(std::uint64_t chain) const;

 private:
  void set_place(Named& named, const model::AwaitChainSeen& seen);
  /// What it waits for; nothing if the task is no longer in that await.
  [[nodiscard]] std::optional<std::string> awaited(const model::AwaitChainSeen& seen, bool& clear);

  const python::Interpreter& interpreter_;
  const proc::Memory& memory_;
  python::CodeCache codes_;
  std::optional<std::string> match_;
  std::unordered_map<std::uint64_t, Named> names_;
};

}  // namespace aiotrace::app
