// What the thread did at a sample: interpreter, a library, garbage collection, the kernel.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <unordered_map>

#include "app/target.h"
#include "model/events.h"
#include "model/stall_builder.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unwinder.h"

namespace aiotrace::app {

class SampleClassifier {
 public:
  /// The C library and what comes with it work for their caller, so a leaf in them counts as its caller. The caller is
  /// found by unwinding the copied top of the stack; if that fails, it is the first return address on the stack that is
  /// in another library. The culprit of a native sample has the library and, where symbols name it, the function: the
  /// leaf's, else that of its nearest caller in the same library (a stripped library still names its public functions).
  [[nodiscard]] model::ClassifiedSample classify(Target& target, const model::Sample& sample);

  /// The sources of its names.
  [[nodiscard]] symbolize::Symbolizer& symbolizer() { return symbolizer_; }

  void forget(std::uint32_t pid) {
    mapped_.erase(pid);
    symbolizer_.forget(static_cast<pid_t>(pid));
  }

 private:
  /// The parts of a code mapping that are needed for a leaf.
  enum class Place { unknown, interpreter, support, foreign_call, library };
  struct Code {
    Place place = Place::unknown;
    std::string library;
  };
  const Code& code_at(Target& target, std::uint64_t address);
  Code describe(Target& target, const proc::Mapping& mapping);
  /// The leaf and its callers, as far as the copied words reach.
  symbolize::NativeStack top_of_stack(Target& target, const model::Sample& sample);
  struct Caller {
    const Code* code = nullptr;  ///< null: not found
    std::string function;        ///< empty: unknown
  };
  Caller caller_of_support(Target& target, const model::Sample& sample, const symbolize::NativeStack& stack);

  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::pair<std::uint64_t, Code>>> mapped_;  // by end
  Code unknown_;
  symbolize::Symbolizer symbolizer_;
};

}  // namespace aiotrace::app
