// One stall as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/stall.h"
#include "output/context.h"

namespace aiotrace::output {

/// A stall in at most this many lines; verbose: whole stacks, in any number of lines.
inline constexpr std::size_t kStallLines = 12;

/// Time, duration, process, thread and task; the causes in one line; the program's own frames of the largest parts,
/// each stack once; what the holder of the GIL and the other threads did. Clean lines, wrapped to the context's
/// columns, without newlines.
[[nodiscard]] std::vector<std::string> stall_lines(const model::Stall& stall, const OutputContext& context);

/// A stall in one line, after `lead`: its duration (in these words) and the place of most of its time.
[[nodiscard]] std::string stall_line(const model::Stall& stall, std::string_view lasted, std::string_view lead,
                                     bool with_pid, const OutputContext& context);

/// "213 ms", "≥ 213 ms", "213 ms, still running".
[[nodiscard]] std::string lasted_text(const model::Stall& stall);

}  // namespace aiotrace::output
