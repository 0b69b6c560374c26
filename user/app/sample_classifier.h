// What a sample says the thread did: interpreter, a library, collecting garbage, the kernel.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "app/target.h"
#include "model/events.h"
#include "model/stall_builder.h"

namespace aiotrace::app {

class SampleClassifier {
 public:
  /// The C library and what comes with it do what their caller wants: a leaf in there counts as its caller, which is
  /// found as the first return address on the stack that lies elsewhere.
  [[nodiscard]] model::ClassifiedSample classify(Target& target, const model::Sample& sample);

  void forget(std::uint32_t pid) { mapped_.erase(pid); }

 private:
  /// A mapping of code, as far as a leaf in it matters.
  enum class Place { unknown, interpreter, support, foreign_call, library };
  struct Code {
    Place place = Place::unknown;
    std::string library;
  };
  const Code& code_at(Target& target, std::uint64_t address);
  Code describe(Target& target, const proc::Mapping& mapping);

  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::pair<std::uint64_t, Code>>> mapped_;  // by end
  Code unknown_;
};

}  // namespace aiotrace::app
