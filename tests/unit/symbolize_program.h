// Small C programs that tests compile for themselves.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "folder.h"
#include "tests/catch.h"

namespace aiotrace::testing {

inline bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

/// Skips the test when a tool is not there.
inline void need(const std::string& tool) {
  if (!run("command -v " + tool)) AIOTRACE_SKIP("no " + tool + " on this machine");
}

/// Compiles `source` into `folder`/`name`.
inline std::string compile(const Folder& folder, const std::string& name, const std::string& source,
                           const std::string& flags) {
  need("cc");
  const std::string text = folder / (name + ".c");
  std::ofstream(text) << source;
  const std::string program = folder / name;
  if (!run("cc -o " + program + " " + text + " " + flags)) FAIL("cc " + flags);
  return program;
}

/// main → outer_call → middle_call → inner_call, which says so on standard output and waits in read().
inline constexpr const char* kChain = R"(
#include <unistd.h>
__attribute__((noinline)) static int inner_call(int x) {
  char c = (char)x;
  if (write(1, "ready\n", 6) != 6) return 1;
  return (int)read(0, &c, 1) + c;
}
__attribute__((noinline)) static int middle_call(int x) { return inner_call(x + 1) * 3; }
__attribute__((noinline)) int outer_call(int x) { return middle_call(x + 2) * 5; }
int main(int argc, char** argv) { (void)argv; return outer_call(argc) & 1; }
)";

}  // namespace aiotrace::testing
