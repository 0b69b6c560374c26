// aiotrace: reports stalls: how long, in which task, at which line, and why.
#include "app/commands/program.h"

int main(int argc, char** argv) { return aiotrace::app::run_program(argc, argv); }
