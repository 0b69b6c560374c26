// Names, places and groups of what was found to hang.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/hang.h"
#include "model/wait_graph.h"
#include "proc/process.h"
#include "python/asyncio_reader.h"
#include "python/hang_look.h"

namespace aiotrace::app {

/// As people read them, at most `most`. `look` is the one that the graph's numbers are of; `names` are those of its
/// threads. Futures of which nothing is known are one hang for each place where they are waited for.
[[nodiscard]] std::vector<model::Hang> describe_hangs(python::AsyncioReader& reader, const python::HangLook& look,
                                                      const model::WaitGraph& graph,
                                                      const std::vector<model::FoundHang>& found,
                                                      const std::map<pid_t, std::string>& names, std::size_t most);

}  // namespace aiotrace::app
