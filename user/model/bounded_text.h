// Cuts names of a traced program, which may have any length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiotrace::model {

/// `text` (UTF-8), or the beginning that fits into `bytes` together with "…", cut between two characters.
[[nodiscard]] inline std::string bounded_text(std::string_view text, std::size_t bytes) {
  constexpr std::string_view kCut = "…";
  constexpr unsigned kContinuationMask = 0xc0;
  constexpr unsigned kContinuation = 0x80;
  if (text.size() <= bytes) return std::string(text);
  auto end = bytes - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & kContinuationMask) == kContinuation) --end;
  return std::string(text.substr(0, end)).append(kCut);
}

}  // namespace aiotrace::model
