// What works on this host and for a process, and what to do about the rest. Only data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// A feature that was tried, or a conclusion. All text may come from the target: it is not cleaned.
struct Finding {
  std::string name;  ///< "fentry", "watch", a cause's name
  bool works = false;
  std::string note;    ///< if it works: how, or with what limitation; may be empty
  std::string reason;  ///< why it does not
  std::string remedy;  ///< what to do about it; empty: nothing can or need be done
};

struct HostReport {
  std::string version;  ///< of aiotrace
  std::string kernel;
  std::string machine;                                        ///< "x86_64"
  std::vector<Finding> features;                              ///< features of the kernel, each tried once
  std::vector<Finding> capabilities;                          ///< capabilities that aiotrace can use
  std::vector<std::pair<std::string, std::string>> settings;  ///< limits and rules of the kernel; empty value: unknown
  std::vector<Finding> commands;                              ///< "watch" is the command without a name
};

struct ProcessReport {
  struct Python {
    std::optional<std::string> version;  ///< "3.11.2"
    bool supported = false;
    std::optional<bool> free_threaded;
    std::optional<bool> gil;       ///< its threads take turns: a free-threaded build can be configured for that
    std::optional<bool> debug;     ///< built with Py_DEBUG
    std::optional<bool> stripped;  ///< its file has no symbol table
    std::string where;             ///< file that holds the runtime, as the process sees it; empty: unknown
    std::string note;              ///< what was left out; empty: nothing
  };
  struct Loop {
    std::uint32_t tid = 0;
    std::string thread;
    LoopKind kind = LoopKind::other;
    std::int32_t epfd = -1;  ///< the epoll on which it waits now; -1: it runs, or waits in another way
    std::string note;        ///< why its stalls may not be seen; empty: they are seen
  };

  std::uint32_t pid = 0;
  std::string comm;
  std::optional<Python> python;  ///< nullopt: none, or none that can be seen
  std::string no_python;         ///< why there is no Python detail; empty: there is some
  std::vector<Loop> loops;
  std::uint64_t epolls = 0;  ///< epoll instances that are open
  std::vector<Finding> causes;
  std::vector<Finding> commands;
};

}  // namespace aiotrace::model
