// Recordings of the commands that report no stalls, shown again.
#pragma once

#include <string>

#include "app/outputs.h"
#include "recording/reader.h"
#include "util/result.h"

namespace aiotrace::app {

/// True if a recording that begins with this record is one of `leaks`, `awaits` or `profile`.
[[nodiscard]] bool is_command_run(const recording::Record& first);

/// What the run wrote, as text and to these files. Errors: usage, a file that such a recording cannot fill; failure,
/// the recording is damaged or cut off (all up to there is written), or an output could not be written (which has been
/// said, so that the reason is empty).
[[nodiscard]] Status replay_command_run(recording::Reader& reader, const recording::Record& first,
                                        const std::string& name, const OutputsConfig& config);

}  // namespace aiotrace::app
