#include "app/commands/program.h"

#include <algorithm>
#include <new>

#include "app/cli/messages.h"
#include "app/cli/signals.h"
#include "app/commands/table.h"
#include "app/commands/watch.h"
#include "probe/privileges.h"

namespace aiotrace::app {

Program::Program() : line_("aiotrace"), watch_(std::make_unique<Watch>()) {
  watch_->declare(line_);
  for (const auto& row : command_table()) {
    auto& line = line_.add_command(std::string(row.name), std::string(row.summary));
    commands_.emplace_back(&line, row.make());
  }
  // A help page can name all commands, so each command is declared after all of them exist.
  for (auto& [line, command] : commands_) command->declare(*line);
}

Command& Program::command() {
  const auto found = std::ranges::find(commands_, &line_.chosen(), [](const auto& each) { return each.first; });
  return found == commands_.end() ? *watch_ : *found->second;
}

Status Program::parse(int argc, const char* const* argv) {
  if (auto status = line_.parse(argc, argv); !status || line_.message()) return status;
  return command().check(line_.chosen());
}

int run_program(int argc, const char* const* argv) {
  if (auto status = ignore_broken_pipes(); !status) return report(status.error());
  Program program;
  // Parsing the arguments reads no file.
  if (auto status = program.parse(argc, argv); !status) return report(status.error());
  if (program.message() || !program.command().needs_rights()) {
    if (auto status = probe::drop_everything(); !status) return report(status.error());
  }
  if (program.message()) return print_message(*program.message());
  try {
    return program.command().run();
  } catch (const std::bad_alloc&) {
    return report(fail("no more memory", "the limit is a quarter of the machine's, or 1 GiB").error());
  }
}

}  // namespace aiotrace::app
