// Bytes of the ring buffer → events. Pure: no file descriptor, no clock. The bytes are not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "model/events.h"

namespace aiotrace::decode {

/// The reason why a record was refused.
enum class DecodeError : std::uint8_t {
  too_short,    ///< fewer bytes than a header, or than the fixed part of its type
  bad_size,     ///< its size field is larger than the data
  bad_version,  ///< not the version of bpf/abi/records.h
  bad_type,     ///< no such enum record_type
  bad_count,    ///< a count above its limit, or more elements than the bytes can hold
  bad_text,     ///< a text's length, width and bytes are inconsistent, or exceed the record
  bad_value,    ///< a cause or a loop kind that does not exist
};
inline constexpr std::size_t kDecodeErrors = 7;

/// "bad-text".
[[nodiscard]] std::string_view name(DecodeError error);

/// The event in one record of bpf/abi/records.h. `data` needs no alignment; bytes behind the record's own `size` are
/// not looked at. The caller has to count a refused record; later records may still be valid.
[[nodiscard]] std::expected<model::Event, DecodeError> decode(std::span<const std::byte> data);
/// The same for the record of bpf/abi/steps.h, which has its own ring buffer.
[[nodiscard]] std::expected<model::AwaitChainSeen, DecodeError> decode_chain(std::span<const std::byte> data);

}  // namespace aiotrace::decode
