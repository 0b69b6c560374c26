// `aiotrace help [COMMAND]`: the same as `aiotrace [COMMAND] --help`.
#include <memory>
#include <string>
#include <vector>

#include "app/cli/messages.h"
#include "app/cli/suggestion.h"
#include "app/commands/command.h"

namespace aiotrace::app {

namespace {

class Help final : public Command {
 public:
  void declare(CommandLine& line) override {
    line_ = &line;
    line.set_help(
        {.about = "aiotrace help shows the options of a command, or of aiotrace itself.", .usage = {"help [COMMAND]"}});
    line.add_words("COMMAND", words_, "its name", line.command_names());
  }

  Status check(const CommandLine& line) override {
    if (words_.size() > 1) return line.usage("give one command");
    if (words_.empty() || line.page_of(words_.front())) return {};
    return line.usage("unknown command '" + words_.front() + "'" + did_you_mean(words_.front(), line.command_names()));
  }

  bool needs_rights() const override { return false; }

  int run() override { return print_message(*line_->page_of(words_.empty() ? "" : words_.front())); }

 private:
  const CommandLine* line_ = nullptr;
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_help() { return std::make_unique<Help>(); }

}  // namespace aiotrace::app
