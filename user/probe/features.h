// What the kernel grants to this process, found by trying each thing once. Nothing remains afterwards.
#pragma once

#include <string>
#include <vector>

#include "util/result.h"

namespace aiotrace::probe {

struct Feature {
  std::string name;
  Status status;     ///< the error says why not, and what to do about it
  std::string note;  ///< its purpose, or how it works here
};

/// Takes about 100 ms: the real programs are loaded and attached once. "watch" is decisive: with it aiotrace can see
/// stalls; for each of the others it has an alternative.
[[nodiscard]] std::vector<Feature> try_features();

/// Names of the capabilities that aiotrace can use, what each is for, and whether this process has it.
struct CapabilityUse {
  std::string name;
  std::string use;
  bool needed = false;  ///< required for all tracing
  bool have = false;
};
[[nodiscard]] std::vector<CapabilityUse> capability_uses();

}  // namespace aiotrace::probe
