// Recognizes the code objects of known functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "python/code_cache.h"
#include "python/coroutine.h"
#include "python/interpreter.h"
#include "python/known_functions.h"

namespace aiotrace::python {

/// For one look at a process, because a code object may be freed and its memory reused.
class KnownCode {
 public:
  /// All must outlive this object.
  KnownCode(const Interpreter& interpreter, CoroutineReader& coroutines, CodeCache& codes)
      : interpreter_(interpreter), coroutines_(coroutines), codes_(codes) {}

  /// The function that a coroutine or generator runs; null: unknown.
  [[nodiscard]] const KnownFunction* find(const Coroutine& coroutine);
  /// The same for the code object of a plain function.
  [[nodiscard]] const KnownFunction* find(std::uint64_t code);

 private:
  static constexpr std::size_t kMaxKept = 100'000;
  using Kept = std::unordered_map<std::uint64_t, const KnownFunction*>;  // by code object

  const Interpreter& interpreter_;
  CoroutineReader& coroutines_;
  CodeCache& codes_;
  Kept coroutine_code_;
  Kept function_code_;
};

}  // namespace aiotrace::python
