// Losses in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/losses.h"
#include "output/context.h"

namespace aiotrace::output {

/// "3 waits are accurate to 1 ms only"; for a name that model::loss_text() does not know, "3 unknown-name".
[[nodiscard]] std::string loss_in_words(std::string_view name, std::uint64_t count);

/// One sentence for each count that is not zero.
[[nodiscard]] std::vector<std::string> losses_in_words(const model::LossCounts& counts);

/// A line for each sentence, in yellow after "Lost: ", "      " …; no lines without losses.
[[nodiscard]] std::vector<std::string> loss_lines(const std::vector<std::string>& sentences,
                                                  const OutputContext& context);

}  // namespace aiotrace::output
