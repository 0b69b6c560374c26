// aiotrace: which stall, how long, which task, which line, and why.
#include "app/commands/program.h"

int main(int argc, char** argv) { return aiotrace::app::run_program(argc, argv); }
