// The culprit in formats 1 and 2: the fields of all kinds; the cause decides which of them are used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/stall.h"

namespace aiotrace::recording {

struct OldCulprit {
  std::string library;
  std::string function;
  std::uint32_t tid = 0;
  std::string thread;
  model::Stack stack;
  std::string path;
  std::string op;
  std::string protocol;
  std::string local;
  std::string peer;
  std::optional<bool> dns;
  std::uint32_t pid = 0;
  std::string comm;
  std::uint64_t address = 0;
  std::vector<model::Runner> running;
  std::string cgroup;
  std::uint64_t quota_us = 0;
  std::uint64_t period_us = 0;
};

/// Nothing for a cause without a culprit.
[[nodiscard]] inline std::optional<model::Culprit> culprit_of(model::Cause cause, OldCulprit old) {
  using model::Cause;
  switch (cause) {
    case Cause::native:
      return model::NativeFunction{.library = std::move(old.library), .function = std::move(old.function)};
    case Cause::gil:
      return model::GilHolder{.tid = old.tid, .thread = std::move(old.thread), .stack = std::move(old.stack)};
    case Cause::file: return model::FileUse{.path = std::move(old.path), .op = std::move(old.op)};
    case Cause::network:
      return model::SocketEnds{.protocol = std::move(old.protocol),
                               .local = std::move(old.local),
                               .peer = std::move(old.peer),
                               .dns = old.dns};
    case Cause::process: return model::ChildProcess{.pid = old.pid, .comm = std::move(old.comm)};
    case Cause::lock: return model::LockAt{.address = old.address};
    case Cause::fault: return model::MappedFile{.path = std::move(old.path)};
    case Cause::cpu_wait: return model::Runners{.running = std::move(old.running)};
    case Cause::throttled:
      return model::CpuQuota{.cgroup = std::move(old.cgroup), .quota_us = old.quota_us, .period_us = old.period_us};
    default: return std::nullopt;
  }
}

}  // namespace aiotrace::recording
