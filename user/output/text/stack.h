// Stacks as lines of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// The frames of a stack as aligned lines. Unless verbose, asyncio's own frames outside the task's, the interpreter's
/// native frames between Python's, and the middle of a very deep stack are left out.
[[nodiscard]] std::vector<std::string> stack_lines(const model::Stack& whole, std::size_t indent,
                                                   const OutputContext& context);

/// A stack in which a person finds the program's own line: the program's own frames, innermost first (if there are
/// none, those of packages, else all), and a last line with the number and the packages of the folded frames. Native
/// frames keep their position. At most `most` lines, at least one; verbose: as stack_lines().
[[nodiscard]] std::vector<std::string> folded_stack_lines(const model::Stack& whole, std::size_t indent,
                                                          std::size_t most, const OutputContext& context);

/// Whether both stacks show the same functions when folded: they differ only in lines, or in folded frames.
[[nodiscard]] bool same_when_folded(const model::Stack& a, const model::Stack& b);

}  // namespace aiotrace::output
