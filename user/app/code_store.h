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
  /// The limit of code objects for one process: others are not stored, and their frames are unknown.
  static constexpr std::size_t kMaxCodes = 200'000;

  /// The limit of bytes of names and line tables for one process, because a program can create any number.
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  /// Adds a code object. The parts that did not fit into its record are read from the process; if the process has
  /// ended, the lines of that code object are unknown. `interpreter` and `memory` may be null. False if its name is
  /// unknown.
  bool add(const model::CodeSeen& code, const python::Interpreter* interpreter, const proc::Memory* memory);

  /// If the record of a code object was lost, its function is "?".
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
    std::size_t bytes = 0;  // bytes stored so far
  };
  std::unordered_map<std::uint32_t, Codes> processes_;
};

}  // namespace aiotrace::app
