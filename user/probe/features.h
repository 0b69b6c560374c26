// What the kernel grants to this process, found by trying each thing once. Nothing stays behind.
#pragma once

#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::probe {

struct Feature {
  std::string name;
  Status status;     ///< the error says why not, and what to do about it
  std::string note;  ///< what it is for, or how it works here
};

/// Takes about 100 ms: the real programs are loaded and attached once. "watch" is the one that decides: with it
/// aiotrace can see stalls; without one of the others it knows a way around.
[[nodiscard]] std::vector<Feature> try_features();

/// Names of the capabilities that aiotrace can use, what each is for, and whether this process has it.
struct CapabilityUse {
  std::string name;
  std::string use;
  bool needed = false;  ///< nothing is traced without it
  bool have = false;
};
[[nodiscard]] std::vector<CapabilityUse> capability_uses();

}  // namespace aiotrace::probe
