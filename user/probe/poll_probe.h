// The ways to see the entry of a poll.
#pragma once

#include <cstdint>
#include <string_view>

namespace aiotrace::probe {

enum class PollProbe : std::uint8_t {
  automatic,   ///< fentry if the kernel permits it, else the tracepoint, else the uprobe
  fentry,      ///< on the system call: cheapest, other processes only pay for their own polls
  tracepoint,  ///< of the system call: costs every system call on the machine some tens of ns
  uprobe,      ///< on the C library's function: other processes pay nothing, but each poll costs microseconds
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

/// Whether this kernel forbids all fentry programs.
[[nodiscard]] bool fentry_forbidden();

/// Linux 5.11 and later; a program for a missing function would not load.
[[nodiscard]] bool has_epoll_pwait2();

}  // namespace aiotrace::probe
