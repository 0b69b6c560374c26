// The commands other than the watching of stalls: `aiotrace NAME …`.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "app/command_need.h"
#include "app/commands/command.h"

namespace aiotrace::app {

struct CommandRow {
  std::string_view name;
  std::string_view summary;  ///< what it shows, for the program's page of help
  CommandNeed need;
  std::unique_ptr<Command> (*make)();
};

/// All of them, in the order of the page of help.
[[nodiscard]] std::span<const CommandRow> command_table();

}  // namespace aiotrace::app
