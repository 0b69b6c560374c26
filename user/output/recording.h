// A recording: what a run told, to be told again elsewhere.
//
// The file: kRecordingMagic, the format's number (4 bytes, little endian), then one zstd frame, flushed behind every
// record. Unpacked it is records: kind (1 byte), length of the body (4 bytes, little endian), body (wire.h), CRC-32 of
// all that (4 bytes, little endian). The head comes first, the end last: a file without the end was cut off.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/leaks.h"

namespace aiotrace::output {

inline constexpr std::array<unsigned char, 8> kRecordingMagic{0x89, 'A', 'I', 'O', 'R', 'E', 'C', '\n'};
inline constexpr std::uint32_t kRecordingFormat = 2;
inline constexpr std::size_t kRecordingStart = kRecordingMagic.size() + sizeof(std::uint32_t);

/// A body is never larger: what does not fit is not recorded, and said.
inline constexpr std::uint32_t kMaxRecordingBody = 16u << 20;

enum class RecordKind : std::uint8_t {
  head = 1,
  watching = 2,
  stall = 3,
  unfinished = 4,  ///< a stall whose end was not seen, told of before as ongoing
  so_far = 5,      ///< a summary now and then: what is known of a recording that is cut off later
  summary = 6,
  end = 7,
  leaks = 8,          ///< a scan for leaks that found something
  summary_leaks = 9,  ///< those of the summary that comes next
  moments = 10,       ///< those of the stall that comes next; since format 2
  histograms = 11,    ///< of the loops of the summary that comes next, in their order; since format 2
};

struct RecordedLeaks {
  std::vector<model::Leak> leaks;
  model::LeakScan scan;
};

struct RecordingHead {
  std::string version;  ///< of aiotrace
  std::int64_t realtime_minus_monotonic_ns = 0;
  std::int32_t utc_offset_s = 0;  ///< local time where it was recorded
};

}  // namespace aiotrace::output
