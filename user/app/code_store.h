// Code objects of the traced processes: from an instruction to a frame that a person reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/events.h"
#include "model/stall_builder.h"
#include "proc/memory.h"
#include "python/interpreter.h"

namespace aiotrace::app {

class CodeStore {
 public:
  /// More code objects than this of one process are not kept; their frames are unknown.
  static constexpr std::size_t kMaxCodes = 200'000;

  /// More bytes of names and line tables than this of one process are not kept: a program can make them at will.
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  /// Takes a code object. What its record had to leave out is read from the process, which may have ended: then the
  /// lines of that code object are unknown. `interpreter` and `memory` may be null. False if its name is not known.
  bool add(const model::CodeSeen& code, const python::Interpreter* interpreter, const proc::Memory* memory);

  /// A code object whose record was lost gives the function "?".
  [[nodiscard]] model::Frame resolve(std::uint32_t pid, const model::RawFrame& frame) const;
  [[nodiscard]] std::optional<model::Definition> definition(std::uint32_t pid, std::uint64_t code_id) const;

  void forget(std::uint32_t pid) { processes_.erase(pid); }

 private:
  struct Code {
    std::string function;
    std::string file;
    std::uint32_t first_line = 0;
    std::uint32_t version = 0;
    std::vector<std::uint8_t> line_table;
  };
  [[nodiscard]] const Code* find(std::uint32_t pid, std::uint64_t code_id) const;

  struct Codes {
    std::unordered_map<std::uint64_t, Code> by_id;
    std::size_t bytes = 0;  // taken in so far
  };
  std::unordered_map<std::uint32_t, Codes> processes_;
};

}  // namespace aiotrace::app
