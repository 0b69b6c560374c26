// The command to type if this program lacks rights.
#pragma once

#include <span>
#include <string>

namespace aiotrace {

/// "sudo aiotrace -p 12": this process's own command line with sudo before it, quoted for a shell. The program's path
/// is used if sudo would not find it, in a virtual environment or a build folder.
[[nodiscard]] std::string sudo_command();

/// The same for the program at `path` with these arguments (without the program's own name).
[[nodiscard]] std::string sudo_command(const std::string& path, std::span<const std::string> arguments);

}  // namespace aiotrace
