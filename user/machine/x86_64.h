// What is known of x86-64, wherever this program runs.
#pragma once

#include "machine/machine.h"

namespace aiotrace::machine {

[[nodiscard]] const Machine& x86_64();

}  // namespace aiotrace::machine
