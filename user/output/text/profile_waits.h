// Waits of a profile, added up by kind, and the holders of the GIL: for its text and its page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/profile.h"

namespace aiotrace::output {

/// Waits with the same cause, target and place.
struct ProfileWait {
  model::Cause cause = model::Cause::other;
  std::string what;                   ///< system call and culprit, cleaned: "recvfrom → tcp 10.0.0.5:443"
  std::optional<model::Frame> frame;  ///< innermost; nullopt: there is no stack
  std::string thread;                 ///< waiting thread: for waits without a stack, and for waits for the GIL
  std::uint64_t ns = 0;
  std::uint64_t count = 0;
  std::uint64_t max_ns = 0;
};

/// The waits in these rows, largest first.
[[nodiscard]] std::vector<ProfileWait> waits_of(const std::vector<model::ProfileRow>& rows);

/// The waits for the GIL: `thread` waited for `what`, which is the holder and what it ran.
[[nodiscard]] std::vector<ProfileWait> gil_waits_of(const std::vector<model::ProfileRow>& rows);

struct GilHolder {
  std::uint32_t tid = 0;
  std::string thread;
  std::uint64_t ns = 0;
};

/// The rows of a profile of the GIL, separated.
struct GilRows {
  std::vector<model::ProfileRow> held;
  std::vector<model::ProfileRow> waited;
  std::uint64_t held_ns = 0;
  std::uint64_t waited_ns = 0;
};

[[nodiscard]] GilRows gil_rows(const std::vector<model::ProfileRow>& rows);

/// The holders, longest first.
[[nodiscard]] std::vector<GilHolder> gil_holders_of(const std::vector<model::ProfileRow>& held);

}  // namespace aiotrace::output
