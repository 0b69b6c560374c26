#include "app/commands/table.h"

#include <array>

// A row for each command: NAME stands for make_NAME(), which commands/NAME.cpp defines.
#define AIOTRACE_COMMANDS(ROW)                                                              \
  ROW(tasks, "the tasks now: where each stands, who waits for whom", Need::memory, "")      \
  ROW(hang, "what everybody waits for, and who holds it", Need::memory, "")                 \
  ROW(leaks, "coroutines and tasks that leak", Need::memory, "--origin")                    \
  ROW(awaits, "where tasks wait, and for how long", Need::memory, "--exact")                \
  ROW(profile, "where all threads spend their time; who holds the GIL", Need::probes, "")   \
  ROW(top, "all event loops, live", Need::probes, "")                                       \
  ROW(serve, "the daemon: metrics of every loop of the machine", Need::probes, "")          \
  ROW(report, "everything again from a recording", Need::nothing, "")                       \
  ROW(doctor, "what works here, what does not, and what to do about it", Need::nothing, "") \
  ROW(help, "the options of a command", Need::nothing, "")

namespace aiotrace::app {

#define AIOTRACE_DECLARE(name, summary, need, probe_option) std::unique_ptr<Command> make_##name();
AIOTRACE_COMMANDS(AIOTRACE_DECLARE)
#undef AIOTRACE_DECLARE

std::span<const CommandRow> command_table() {
#define AIOTRACE_ROW(name, summary, need, probe_option) \
  CommandRow{#name, summary, {#name, need, probe_option}, make_##name},
  static const std::array kRows{AIOTRACE_COMMANDS(AIOTRACE_ROW)};
#undef AIOTRACE_ROW
  return kRows;
}

}  // namespace aiotrace::app
