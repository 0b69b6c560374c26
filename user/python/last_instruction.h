// The present instruction of a frame object.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace aiotrace::python {

/// f_lasti in bytes: 3.10 counts units of two (Include/cpython/frameobject.h). -1: it has not begun, or has no
/// instruction.
[[nodiscard]] inline std::int32_t last_instruction_bytes(const py_layout& layout, std::int32_t lasti) {
  if ((layout.flags & PY_LASTI_IN_UNITS) == 0 || lasti <= 0) return lasti;
  return lasti <= INT32_MAX / 2 ? lasti * 2 : -1;
}

}  // namespace aiotrace::python
