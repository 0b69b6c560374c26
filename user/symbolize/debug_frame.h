// .debug_frame taken out of a file, without the rest of its debug information.
#pragma once

#include <cstddef>
#include <vector>

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// A small ELF file that has a file's .debug_frame and nothing else: what libdw needs to read it. Opening the file
/// itself would unpack and read all of its debug information. Empty if there is none, or more than 64 MiB.
[[nodiscard]] std::vector<std::byte> debug_frame_only(const proc::ElfImage& image);

}  // namespace aiotrace::symbolize
