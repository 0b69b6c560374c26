// Data about x86-64, available on any machine.
#pragma once

#include "machine/machine.h"

namespace aiotrace::machine {

[[nodiscard]] const Machine& x86_64();

}  // namespace aiotrace::machine
