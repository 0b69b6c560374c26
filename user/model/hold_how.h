// How it is known that somebody holds a resource.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/names.h"

namespace aiotrace::model {

enum class HoldHow : std::uint8_t {
  with,    ///< it is inside of a block of `with`
  owner,   ///< written down in the resource
  refers,  ///< it refers to the resource: may hold it
};
template <>
struct Names<HoldHow> {
  static constexpr std::array<std::string_view, 3> list{"with", "owner", "refers"};
};

}  // namespace aiotrace::model
