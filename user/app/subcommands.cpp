#include "app/subcommands.h"

#include <algorithm>
#include <array>

#include "app/awaits_command.h"
#include "app/doctor_command.h"
#include "app/leaks_command.h"
#include "app/profile_command.h"
#include "app/report_command.h"
#include "app/tasks_command.h"

namespace aiotrace::app {

std::span<const Subcommand> subcommands() {
  // One line for each.
  static const std::array kAll{
      Subcommand{"tasks", Need::memory, run_tasks},    Subcommand{"leaks", Need::memory, run_leaks},
      Subcommand{"awaits", Need::memory, run_awaits},  Subcommand{"report", Need::nothing, run_report},
      Subcommand{"doctor", Need::nothing, run_doctor}, Subcommand{"profile", Need::probes, run_profile},
  };
  return kAll;
}

const Subcommand* find_subcommand(int argc, const char* const* argv) {
  if (argc < 2) return nullptr;
  const auto all = subcommands();
  const auto found = std::ranges::find(all, std::string_view(argv[1]), &Subcommand::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace aiotrace::app
