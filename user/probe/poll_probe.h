// The ways to see a poll's entry.
#pragma once

#include <cstdint>
#include <string_view>

namespace aiotrace::probe {

enum class PollProbe : std::uint8_t {
  automatic,   ///< fentry where the kernel grants it, else the tracepoint
  fentry,      ///< on the system call: cheapest, costs other processes only their own polls
  tracepoint,  ///< of the system call: costs every system call on the machine some tens of ns
  uprobe,      ///< on the C library's function: costs nobody else, but microseconds per poll
};

[[nodiscard]] constexpr std::string_view name(PollProbe probe) {
  switch (probe) {
    case PollProbe::fentry: return "fentry";
    case PollProbe::tracepoint: return "tracepoint";
    case PollProbe::uprobe: return "uprobe";
    case PollProbe::automatic: break;
  }
  return "auto";
}

}  // namespace aiotrace::probe
