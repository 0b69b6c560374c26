// The formats of weighted stacks for other viewers: one row each, from which options, files and checks are derived.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/weighted_stacks.h"
#include "util/result.h"

namespace aiotrace::output {

/// Data of such a file in addition to the stacks.
struct StackFileHead {
  std::string title;
  std::string exporter;            ///< "aiotrace 0.1.0"
  std::int64_t start_unix_ns = 0;  ///< when the weights were collected
  std::uint64_t duration_ns = 0;
};

struct StackFormat {
  std::string_view option;  ///< "--speedscope"
  std::string_view viewer;  ///< for people: "speedscope"
  Result<std::string> (*bytes)(const model::WeightedStacks& stacks, const StackFileHead& head);
};

inline constexpr std::size_t kStackFormats = 2;
extern const std::array<StackFormat, kStackFormats> kStackFormatTable;

}  // namespace aiotrace::output
