// What works on this host and for a process, and what to do where something does not. Passive data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/stall.h"

namespace aiotrace::model {

/// Something that was tried or concluded. All text may hold what a target chose: it is not cleaned.
struct Finding {
  std::string name;  ///< "fentry", "watch", a cause's name
  bool works = false;
  std::string note;    ///< of what works: how, or with what limitation; may be empty
  std::string reason;  ///< why it does not
  std::string remedy;  ///< what to do about it; empty: nothing can be done, or nothing need be
};

struct HostReport {
  std::string version;  ///< of aiotrace
  std::string kernel;
  std::string machine;                                        ///< "x86_64"
  std::vector<Finding> features;                              ///< of the kernel, each by trying it
  std::vector<Finding> capabilities;                          ///< those that aiotrace can use
  std::vector<std::pair<std::string, std::string>> settings;  ///< limits and rules of the kernel; empty value: unknown
  std::vector<Finding> commands;                              ///< "watch" is the command without a name
};

struct ProcessReport {
  struct Python {
    std::optional<std::string> version;  ///< "3.11.2"
    bool supported = false;
    std::optional<bool> free_threaded;
    std::optional<bool> gil;       ///< its threads take turns: a free-threaded build can be set to do that
    std::optional<bool> debug;     ///< built with Py_DEBUG
    std::optional<bool> stripped;  ///< its file has no symbol table
    std::string where;             ///< file that holds the runtime, as the process sees it; empty: unknown
    std::string note;              ///< what had to be left out; empty: nothing
  };
  struct Loop {
    std::uint32_t tid = 0;
    std::string thread;
    LoopKind kind = LoopKind::other;
    std::int32_t epfd = -1;  ///< it waits on this one now; -1: it runs, or waits in another way
    std::string note;        ///< why its stalls may not be seen; empty: they are
  };

  std::uint32_t pid = 0;
  std::string comm;
  std::optional<Python> python;  ///< nullopt: none, or none that can be seen
  std::string no_python;         ///< why there is no Python detail; empty: there is
  std::vector<Loop> loops;
  std::uint64_t epolls = 0;  ///< epoll instances that are open
  std::vector<Finding> causes;
  std::vector<Finding> commands;
};

}  // namespace aiotrace::model
