// What hangs, as text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/hang.h"
#include "output/context.h"

namespace aiotrace::output {

/// One hang for people, clean, at most kMaxHangLines unless verbose: verdict first, who waits, who holds.
[[nodiscard]] std::vector<std::string> hang_lines(const model::Hang& hang, const OutputContext& context);
inline constexpr std::size_t kMaxHangLines = 12;
/// The same beside stalls, with the time and the process of the look that found it.
[[nodiscard]] std::vector<std::string> hang_block_lines(const model::Hang& hang, const model::HangScan& scan,
                                                        const OutputContext& context);
/// "deadlock: 2 tasks wait for each other"; clean.
[[nodiscard]] std::string hang_headline(const model::Hang& hang);

/// "lock app.LOCK", "pool (QueuePool), 4 of 4 out": clean.
[[nodiscard]] std::string resource_text(const model::HangResource& resource);
/// "refresh-2", "a task", "thread worker": clean.
[[nodiscard]] std::string party_name(const model::HangParty& party);

/// What one look found, and what it could not read. Of waits in which nothing is proved the largest groups only, unless
/// verbose.
[[nodiscard]] std::vector<std::string> hang_look_lines(const std::vector<model::Hang>& hangs,
                                                       const model::HangScan& scan, const OutputContext& context);

}  // namespace aiotrace::output
