// What to do about a stall, in one line: advice.table has the rules, and explains how they match and which one wins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/stall.h"

namespace aiotrace::model {

/// The maximum length of an advice. It is ASCII, so columns are bytes.
inline constexpr std::size_t kAdviceColumns = 90;

/// One line of the table. Conditions are comma-separated patterns; an empty one is no condition.
struct AdviceRule {
  enum class Loop : std::uint8_t { python, other, any };
  std::uint32_t line = 0;    ///< of the table
  std::uint32_t causes = 0;  ///< bits by Cause
  Loop loop = Loop::python;
  std::string_view syscall;
  std::string_view module;
  std::string_view function;
  std::string_view library;
  std::string_view native;
  std::string_view path;
  std::string_view op;
  std::string_view peer;
  std::string_view cgroup;
  bool dns = false;
  std::string_view advice;
};

[[nodiscard]] constexpr std::uint32_t cause_bit(Cause cause) { return 1U << static_cast<unsigned>(cause); }

/// All rules in the order of the table.
[[nodiscard]] std::span<const AdviceRule> advice_rules();

/// The rule that wins for this segment, whose cause has advice, of a stall of such a loop. Names may have any content
/// and length: names longer than 512 bytes are not matched, and only the innermost 256 frames of a stack count.
[[nodiscard]] const AdviceRule& find_advice(const Segment& segment, LoopKind loop);

/// That rule's advice for a person, with the library's function and its caller before it if own_frame() does not name
/// them and they fit: "requests.get in fetch_sync: use httpx.AsyncClient or …". One line of printable ASCII, at most
/// kAdviceColumns; empty only for a cause without advice.
[[nodiscard]] std::string advise(const Segment& segment, LoopKind loop);

/// True if one of the comma-separated patterns (* any text, ? any byte) matches the whole of `text`; an empty text or
/// one of more than 512 bytes never does. Time is at most the product of the lengths.
[[nodiscard]] bool matches_any(std::string_view patterns, std::string_view text);

}  // namespace aiotrace::model
