// A recording: what a run reported, to be reported again elsewhere.
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
/// Each change of what a record holds is a new format; fields say since which one they are there. Older ones are read.
/// 3 is open until the first release that has it.
inline constexpr std::uint32_t kFormat = 3;
inline constexpr std::size_t kStart = kMagic.size() + sizeof(std::uint32_t);

/// A body is never larger: what does not fit is not recorded, and said.
inline constexpr std::uint32_t kMaxBody = 16u << 20;

enum class Kind : std::uint8_t {
  head = 1,
  watching = 2,
  stall = 3,
  unfinished = 4,  ///< a stall whose end was not seen, reported before as ongoing
  so_far = 5,      ///< a summary now and then: what is known of a recording that is cut off later
  summary = 6,
  end = 7,
  leaks = 8,          ///< a scan for leaks; beside stalls one that found something
  summary_leaks = 9,  ///< those of the summary that comes next
  moments = 10,       ///< those of the stall that comes next; since format 2
  histograms = 11,    ///< of the loops of the summary that comes next, in their order; since format 2
  // Since format 3. Rows come in records of some of them, before the one that they belong to.
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
  hangs = 26,  ///< a look beside stalls that has something new
  owner = 27,  ///< of the daemon: whose the stalls of a process are that come next
};
inline constexpr auto kLastKind = Kind::owner;

struct Head {
  std::string version;  ///< of aiotrace
  std::int64_t realtime_minus_monotonic_ns = 0;
  std::int32_t utc_offset_s = 0;  ///< local time where it was recorded
};

/// Whose a process is; the texts are those of proc/service.h.
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
