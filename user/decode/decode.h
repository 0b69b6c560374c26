// Bytes of the ring buffer → events. Pure: no file descriptor, no clock. Nothing in the bytes is trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "model/events.h"

namespace aiotrace::decode {

/// Why a record was refused.
enum class DecodeError : std::uint8_t {
  too_short,    ///< fewer bytes than a header, or than the fixed part of its type
  bad_size,     ///< its size field says more than there is
  bad_version,  ///< not the version of bpf/abi/records.h
  bad_type,     ///< no such enum record_type
  bad_count,    ///< a count above its bound, or more elements than there are bytes
  bad_text,     ///< a text's length, width and bytes contradict each other, or pass the end of the record
  bad_value,    ///< a cause or a loop kind that does not exist
};
inline constexpr std::size_t kDecodeErrors = 7;

/// "bad-text".
[[nodiscard]] std::string_view name(DecodeError error);

/// The event in one record of bpf/abi/records.h. `data` needs no alignment; bytes behind the record's own `size` are
/// not looked at. A refused record is the caller's to count, it says nothing about the ones after it.
[[nodiscard]] std::expected<model::Event, DecodeError> decode(std::span<const std::byte> data);
/// The same for the record of bpf/abi/steps.h, which has a ring buffer of its own.
[[nodiscard]] std::expected<model::AwaitChainSeen, DecodeError> decode_chain(std::span<const std::byte> data);

}  // namespace aiotrace::decode
