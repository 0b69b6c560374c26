// Symbols that a distribution stores outside the program: in a separate file, or compressed in a section of it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// The separate debug file: /usr/lib/debug/.build-id/xx/yyyy.debug below the root of the process, then below our root;
/// else by .gnu_debuglink beside the file, in .debug/ beside it and below /usr/lib/debug. A file is accepted if it has
/// the same build-id or, if a build-id is missing, the checksum of the link. `pid` 0: only below our root. Checksums
/// are only computed for files up to 64 MiB without large holes, and for a limited number of bytes for each process.
[[nodiscard]] std::optional<proc::ElfImage> find_debug_file(const proc::ElfImage& image, pid_t pid);

/// The ELF file in .gnu_debugdata (xz; Fedora's "MiniDebugInfo": a .symtab of the functions that .dynsym lacks).
/// Nothing if there is none, it is damaged, or it is larger than 16 MiB.
[[nodiscard]] std::optional<proc::ElfImage> mini_debug_info(const proc::ElfImage& image);

}  // namespace aiotrace::symbolize
