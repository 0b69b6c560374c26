// The evidence that somebody holds a resource.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/names.h"

namespace aiotrace::model {

enum class HoldHow : std::uint8_t {
  with,    ///< it is inside a `with` block
  owner,   ///< the resource records its owner
  refers,  ///< it refers to the resource, so it may hold it
};
template <>
struct Names<HoldHow> {
  static constexpr std::array<std::string_view, 3> list{"with", "owner", "refers"};
};

}  // namespace aiotrace::model
