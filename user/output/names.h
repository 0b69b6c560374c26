// Names that several formats share.
#pragma once

#include <string_view>

#include "model/stall.h"

namespace aiotrace::output {

[[nodiscard]] constexpr std::string_view name(model::LoopKind kind) {
  switch (kind) {
    case model::LoopKind::asyncio: return "asyncio";
    case model::LoopKind::uvloop: return "uvloop";
    case model::LoopKind::other: break;
  }
  return "other";
}

[[nodiscard]] constexpr std::string_view name(model::Frame::Kind kind) {
  switch (kind) {
    case model::Frame::Kind::native: return "native";
    case model::Frame::Kind::kernel: return "kernel";
    case model::Frame::Kind::python: break;
  }
  return "python";
}

}  // namespace aiotrace::output
