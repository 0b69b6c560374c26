// Which names functions use, and the functions of a program's own modules.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Of one look at a process. A name is text of at most 64 characters, read once for each str object.
class CodeNames {
 public:
  /// `reader` must outlive this object.
  explicit CodeNames(AsyncioReader& reader) : reader_(reader) {}

  /// co_names: globals and attributes that a function's code mentions, not its variables; at most 1,024.
  [[nodiscard]] std::vector<std::uint64_t> names(std::uint64_t code) const;
  [[nodiscard]] const std::string& text(std::uint64_t name);

  /// take(code) for the functions of all modules but the standard library's: those of modules and of classes in them,
  /// behind decorators (closures), and functions inside of functions. False: not all of them, there are too many.
  [[nodiscard]] bool own_functions(const std::function<void(std::uint64_t code)>& take);

  /// Variables of modules that are the object: their names.
  [[nodiscard]] std::vector<std::string> variables_of_modules(std::uint64_t object) const;

 private:
  struct Walk;
  void add_value(std::uint64_t value, Walk& walk, unsigned depth);
  void add_code(std::uint64_t code, Walk& walk, unsigned depth);
  [[nodiscard]] bool is_own(std::uint64_t code) const;
  [[nodiscard]] bool is_standard(std::uint64_t module) const;
  [[nodiscard]] std::uint64_t field_of_code(int words_from_names, std::uint64_t code) const;

  AsyncioReader& reader_;
  std::unordered_map<std::uint64_t, std::string> texts_;  // by name
};

}  // namespace aiotrace::python
