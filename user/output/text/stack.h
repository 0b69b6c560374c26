// Stacks as lines of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// The frames of a stack as aligned lines. Unless verbose, asyncio's own frames below the task's, the interpreter's
/// native ones between Python's and the middle of a very deep stack are left out.
[[nodiscard]] std::vector<std::string> stack_lines(const model::Stack& whole, std::size_t indent,
                                                   const OutputContext& context);

/// A stack for a person who looks for the own line: the program's own frames, innermost first (those of packages where
/// there are none, else all), and one last line that says how many frames of what are folded. Native frames stay in
/// their place. At most `most` lines, at least one; verbose: as stack_lines().
[[nodiscard]] std::vector<std::string> folded_stack_lines(const model::Stack& whole, std::size_t indent,
                                                          std::size_t most, const OutputContext& context);

/// Both show the same functions when they are folded: they differ in lines, or in what is folded.
[[nodiscard]] bool same_when_folded(const model::Stack& a, const model::Stack& b);

}  // namespace aiotrace::output
