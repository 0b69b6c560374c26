// Small files of /proc, read completely, up to a limit.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace aiotrace::proc {

/// The whole content of a file, at most `limit` bytes (the rest is dropped); else `errno`.
std::expected<std::string, int> read_text(const std::string& path, std::size_t limit);

}  // namespace aiotrace::proc
