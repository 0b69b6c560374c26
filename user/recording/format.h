// A recording: the reports of a run, to be reported again elsewhere.
//
// The file: kMagic, the format's number (4 bytes, little endian), then one zstd frame, flushed behind every record.
// Unpacked it is records: kind (1 byte), length of the body (4 bytes, little endian), body (wire.h: the fields that
// model/field_lists.h lists), CRC-32 of all that (4 bytes, little endian). The head comes first, the end last: a file
// without the end was cut off.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "model/fields.h"

namespace aiotrace::recording {

inline constexpr std::array<unsigned char, 8> kMagic{0x89, 'A', 'I', 'O', 'R', 'E', 'C', '\n'};
/// Each change of a record's content is a new format; each field states its first format. Older formats can be read.
/// Format 3 may change until the first release that has it.
inline constexpr std::uint32_t kFormat = 3;
inline constexpr std::size_t kStart = kMagic.size() + sizeof(std::uint32_t);

/// The maximum size of a body: larger ones are not recorded, which is reported.
inline constexpr std::uint32_t kMaxBody = 16u << 20;

enum class Kind : std::uint8_t {
  head = 1,
  watching = 2,
  stall = 3,
  unfinished = 4,  ///< a stall whose end was not seen, reported before as ongoing
  so_far = 5,      ///< an intermediate summary, for a recording that is cut off later
  summary = 6,
  end = 7,
  leaks = 8,          ///< a scan for leaks; in a run that watches stalls only a scan with findings
  summary_leaks = 9,  ///< of the next summary
  moments = 10,       ///< of the next stall; since format 2
  histograms = 11,    ///< of the loops of the next summary, in their order; since format 2
  // Since format 3. Rows are split into several records, before the record to which they belong.
  leaks_head = 12,
  leaks_end = 13,
  awaits_head = 14,
  await_rows = 15,
  await_stack_rows = 16,
  await_stacks = 17,
  awaits = 18,
  exact_rows = 19,
  delay_rows = 20,
  exact_awaits = 21,
  profile_head = 22,
  profile_rows = 23,
  profile_threads = 24,
  profile = 25,
  hangs = 26,  ///< a look during the watching of stalls with new findings
  owner = 27,  ///< of the daemon: the owner of a process, before its stalls
};
inline constexpr auto kLastKind = Kind::owner;

struct Head {
  std::string version;  ///< of aiotrace
  std::int64_t realtime_minus_monotonic_ns = 0;
  std::int32_t utc_offset_s = 0;  ///< local time at the place of recording
};

/// The owner of a process; the texts are those of proc/service.h.
struct Owner {
  std::uint32_t pid = 0;
  std::string service;
  std::string container_id;
  std::string pod_uid;
  std::string unit;
};

}  // namespace aiotrace::recording

template <>
struct aiotrace::model::Fields<aiotrace::recording::Head> {
  using T = recording::Head;
  static constexpr auto list = std::tuple{field("version", &T::version),
                                          field("realtime_minus_monotonic_ns", &T::realtime_minus_monotonic_ns),
                                          field("utc_offset_s", &T::utc_offset_s)};
};

template <>
struct aiotrace::model::Fields<aiotrace::recording::Owner> {
  using T = recording::Owner;
  static constexpr auto list = std::tuple{field("pid", &T::pid), field("service", &T::service),
                                          field("container_id", &T::container_id), field("pod_uid", &T::pod_uid),
                                          field("unit", &T::unit)};
};
