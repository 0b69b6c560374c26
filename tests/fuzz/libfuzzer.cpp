// The targets under libFuzzer (make fuzz). AIOTRACE_FUZZ_TARGET names the one to run; AIOTRACE_FUZZ_SEEDS=DIRECTORY
// writes the inputs to start from, DIRECTORY/TARGET/N, and ends.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.h"

namespace {

const aiotrace::fuzz::Target* chosen = nullptr;

void write_seeds(const std::filesystem::path& folder) {
  for (const auto& target : aiotrace::fuzz::targets()) {
    const auto own = folder / target.name;
    std::filesystem::create_directories(own);
    std::size_t number = 0;
    for (const auto& seed : target.seeds()) {
      std::ofstream(own / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
    }
    std::puts(std::string(target.name).c_str());
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  if (const char* folder = std::getenv("AIOTRACE_FUZZ_SEEDS")) {
    write_seeds(folder);
    std::exit(0);
  }
  const char* name = std::getenv("AIOTRACE_FUZZ_TARGET");
  for (const auto& target : aiotrace::fuzz::targets()) {
    if (name != nullptr && target.name == name) chosen = &target;
  }
  if (chosen == nullptr) {
    std::fputs("fuzz: AIOTRACE_FUZZ_TARGET names no target\n", stderr);
    std::exit(2);
  }
  const auto why_not = chosen->why_not != nullptr ? chosen->why_not() : std::string();
  if (!why_not.empty()) {
    std::fprintf(stderr, "fuzz: %s: skipped: %s\n", name, why_not.c_str());
    std::exit(77);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({data, size});
  return 0;
}
