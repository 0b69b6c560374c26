// Recordings of the commands that report no stalls, shown again.
#pragma once

#include <string>

#include "app/outputs.h"
#include "recording/reader.h"
#include "util/result.h"

namespace aiotrace::app {

/// True if a recording with this first record is one of `leaks`, `awaits` or `profile`.
[[nodiscard]] bool is_command_run(const recording::Record& first);

/// Writes the output of the run, as text and to these files. Errors: usage, for a file that cannot be made from such a
/// recording; failure, if the recording is damaged or cut off (everything before that point is written), or if an
/// output could not be written (this was already reported, so the reason is empty).
[[nodiscard]] Status replay_command_run(recording::Reader& reader, const recording::Record& first,
                                        const std::string& name, const OutputsConfig& config);

}  // namespace aiotrace::app
