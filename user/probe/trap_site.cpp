#include "probe/trap_site.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace aiotrace::probe {
namespace {

constexpr std::array<std::uint8_t, 4> kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
constexpr std::array<std::uint8_t, 2> kClearEcx = {0x31, 0xc9};
constexpr std::array<std::uint8_t, 2> kClearEdx = {0x31, 0xd2};

bool begins(std::span<const std::byte> code, std::span<const std::uint8_t> instruction) {
  return code.size() >= instruction.size() &&
         std::ranges::equal(code.first(instruction.size()), instruction, [](std::byte have, std::uint8_t want) {
           return std::to_integer<std::uint8_t>(have) == want;
         });
}

bool is_emulated(std::span<const std::byte> code) {
  const auto at = [&](std::size_t i) { return i < code.size() ? std::to_integer<unsigned>(code[i]) : 0u; };
  const auto is_push = [](unsigned byte) { return byte >= 0x50 && byte <= 0x57; };
  if (is_push(at(0)) || (at(0) == 0x41 && is_push(at(1)))) return true;
  return at(0) == 0x90 || at(0) == 0xe8 || at(0) == 0xe9 || at(0) == 0xeb;
}

}  // namespace

TrapSite trap_site(std::span<const std::byte> code) {
  std::size_t at = 0;
  while (!is_emulated(code.subspan(at))) {
    const auto rest = code.subspan(at);
    if (begins(rest, kEndbr64))
      at += kEndbr64.size();
    else if (begins(rest, kClearEcx) || begins(rest, kClearEdx))
      at += kClearEcx.size();
    else
      return {.at = 0, .stepped = true};
  }
  return {.at = at, .stepped = false};
}

}  // namespace aiotrace::probe
