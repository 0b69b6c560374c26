// Names and lines of code objects, each read once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Data of a code object.
struct CodeInfo {
  std::string function;             ///< qualified where the code object has it (3.11+)
  std::string file;                 ///< co_filename
  std::uint32_t first_line = 0;     ///< of the definition
  std::uint32_t flags = 0;          ///< co_flags
  std::vector<std::uint8_t> lines;  ///< line table; that of a function on one line is empty before 3.10
  bool lines_known = false;         ///< false: the table is larger than kMaxLineTable or unreadable
  std::vector<std::string> locals;  ///< names of the frame's variables, in order; empty: unreadable
};

/// Code objects are freed and their memory reused: so cached data is only used while the object's own fields (names,
/// table, first line) are unchanged. At most kMaxCodes objects and kMaxBytes; beyond these limits the whole cache is
/// cleared.
class CodeCache {
 public:
  static constexpr std::size_t kMaxCodes = 100'000;
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMaxName = 1024;  ///< characters
  static constexpr std::size_t kMaxLineTable = std::size_t{1} << 20;
  static constexpr std::size_t kMaxLocals = 256;

  /// Both must outlive this object.
  CodeCache(const proc::Memory& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  /// Null if it is no code object.
  [[nodiscard]] std::shared_ptr<const CodeInfo> find(std::uint64_t code);

  /// The line of the instruction at `lasti`, a byte offset in the bytecode, -1: the first line; 0: unknown.
  [[nodiscard]] std::uint32_t line(std::uint64_t code, std::int32_t lasti);

 private:
  struct Known {
    std::uint64_t name = 0;  // addresses, as the code object has them
    std::uint64_t file = 0;
    std::uint64_t table = 0;
    std::uint32_t first_line = 0;
    std::shared_ptr<const CodeInfo> info;
    std::unordered_map<std::int32_t, std::uint32_t> line_of;
    friend bool operator==(const Known& a, const Known& b) {
      return a.name == b.name && a.file == b.file && a.table == b.table && a.first_line == b.first_line;
    }
  };
  [[nodiscard]] Known* look(std::uint64_t code);
  [[nodiscard]] std::vector<std::string> read_locals(std::uint64_t code) const;

  const proc::Memory& memory_;
  const Layout& layout_;
  std::unordered_map<std::uint64_t, Known> known_;
  std::size_t bytes_ = 0;
};

}  // namespace aiotrace::python
