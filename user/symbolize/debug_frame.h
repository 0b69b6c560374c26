// Unwinding rules extracted from a file, without the rest of it.
#pragma once

#include "proc/elf_image.h"

namespace aiotrace::symbolize {

/// A small ELF file that contains only a file's .debug_frame, which is all that libdw needs. Opening the file itself
/// would unpack and read all of its debug information. Empty if there is none, it is larger than 24 MiB, or it has
/// rules that are unsafe for libdw (cfi_check.h).
[[nodiscard]] proc::ElfImage::Content debug_frame_only(const proc::ElfImage& image);

/// The same with .eh_frame and the table that finds its entries (.eh_frame_hdr), at their addresses in the file; for a
/// file without sections they are found by its segments. Without the table libdw builds one itself, so rules of more
/// than 4 MiB are left out then.
[[nodiscard]] proc::ElfImage::Content eh_frame_only(const proc::ElfImage& image);

}  // namespace aiotrace::symbolize
