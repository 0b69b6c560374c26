#include "python/known_code.h"

namespace aiotrace::python {
namespace {

constexpr std::uint32_t kPython311 = 0x030b0000;

}  // namespace

const KnownFunction* KnownCode::find(const Coroutine& coroutine) {
  const auto kept = coroutine_code_.find(coroutine.code);
  if (kept != coroutine_code_.end()) return kept->second;
  if (coroutine_code_.size() >= kMaxKept) coroutine_code_.clear();
  const KnownFunction* found = nullptr;
  if (const auto code = codes_.find(coroutine.code)) {
    const auto file = interpreter_.libraries.inside(code->file);
    // Code objects have no qualified name before 3.11, coroutines do.
    if (!file.empty())
      found = find_function(file, coroutines_.qualified_name(coroutine.object).value_or(code->function), true);
  }
  coroutine_code_.emplace(coroutine.code, found);
  return found;
}

const KnownFunction* KnownCode::find(std::uint64_t code) {
  const auto kept = function_code_.find(code);
  if (kept != function_code_.end()) return kept->second;
  if (function_code_.size() >= kMaxKept) function_code_.clear();
  const auto info = codes_.find(code);
  const KnownFunction* found = info == nullptr ? nullptr
                                               : find_function(interpreter_.libraries.inside(info->file),
                                                               info->function, interpreter_.version_hex >= kPython311);
  function_code_.emplace(code, found);
  return found;
}

}  // namespace aiotrace::python
