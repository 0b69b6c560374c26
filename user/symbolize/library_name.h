// The usual name of a piece of code: from the soname, the Python module, or the file.
#pragma once

#include <string>
#include <string_view>

#include "proc/elf_image.h"
#include "proc/maps.h"

namespace aiotrace::symbolize {

/// "_bisect" of "_bisect.cpython-311-x86_64-linux-gnu.so" or "_rust.abi3.so"; empty if it is no extension module.
[[nodiscard]] std::string module_name(std::string_view file_name);

/// The name of the code in a mapping: an extension module's name, else the DT_SONAME of a shared library ("libz.so.1"),
/// else the file's name; "[anonymous]" without a file, "[vdso]" and the like as the kernel has them. `image` may be
/// null (the file cannot be opened): the file's name is used instead of the soname then. Valid UTF-8, not cleaned.
[[nodiscard]] std::string library_name(const proc::Mapping& mapping, const proc::ElfImage* image);

}  // namespace aiotrace::symbolize
