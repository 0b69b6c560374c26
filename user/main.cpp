// aiotrace: which stall, how long, which task, which line, and why.
#include "app/arguments.h"
#include "app/options.h"
#include "app/session.h"
#include "app/subcommands.h"

int main(int argc, char** argv) {
  if (const auto* subcommand = aiotrace::app::find_subcommand(argc, argv)) return subcommand->run(argc, argv);
  const auto options = aiotrace::app::parse_options(argc, argv);
  if (!options) return aiotrace::app::report(options.error());
  if (options->message) return aiotrace::app::print_message(*options->message);
  return aiotrace::app::run_session(*options);
}
