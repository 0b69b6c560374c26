// Unwinding rules taken out of a file, without the rest of it.
#pragma once

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// A small ELF file that has a file's .debug_frame and nothing else: what libdw needs to read it. Opening the file
/// itself would unpack and read all of its debug information. Empty if there is none, more than 24 MiB, or rules that
/// libdw should not see (cfi_check.h).
[[nodiscard]] proc::ElfImage::Content debug_frame_only(const proc::ElfImage& image);

/// The same with .eh_frame and the table that finds its entries (.eh_frame_hdr), at the addresses that they have in the
/// file; of a file without sections by its segments. Without the table libdw makes one itself: rules of more than 4 MiB
/// are then left out.
[[nodiscard]] proc::ElfImage::Content eh_frame_only(const proc::ElfImage& image);

}  // namespace aiotrace::symbolize
