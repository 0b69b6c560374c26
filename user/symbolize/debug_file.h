// Symbols that a distribution keeps apart from the program: in a separate file, or compressed inside of it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// The separate debug file: /usr/lib/debug/.build-id/xx/yyyy.debug below the root of the process, then here; else by
/// .gnu_debuglink beside the file, in .debug/ beside it and below /usr/lib/debug. What has the same build-id counts, or
/// where a build-id is missing, what has the checksum of the link. `pid` 0: only here. A checksum is only taken of
/// files up to 64 MiB without large holes, and of a bounded number of bytes for each process.
[[nodiscard]] std::optional<proc::ElfImage> find_debug_file(const proc::ElfImage& image, pid_t pid);

/// The ELF file in .gnu_debugdata (xz; Fedora's "MiniDebugInfo": a .symtab of the functions that .dynsym lacks).
/// Nothing if there is none, it is damaged, or it is larger than 16 MiB.
[[nodiscard]] std::optional<proc::ElfImage> mini_debug_info(const proc::ElfImage& image);

}  // namespace aiotrace::symbolize
