#include "symbolize/library_name.h"

#include "util/text.h"

namespace aiotrace::symbolize {

std::string module_name(std::string_view file_name) {
  const auto dot = file_name.find('.');
  if (dot == 0 || dot == std::string_view::npos || file_name.starts_with("lib")) return {};
  const auto rest = file_name.substr(dot);
  if (rest != ".so" && !rest.starts_with(".cpython-") && !rest.starts_with(".abi")) return {};
  return valid_utf8(file_name.substr(0, dot));
}

std::string library_name(const proc::Mapping& mapping, const proc::ElfImage* image) {
  if (mapping.path.empty()) return "[anonymous]";
  const std::string_view file_name = mapping.file_name();
  if (auto module = module_name(file_name); !module.empty()) return module;
  if (image != nullptr && file_name.find(".so") != std::string_view::npos) {
    // The name that programs link with: libz.so.1, not libz.so.1.2.13. NAME_MAX is the longest possible name.
    if (const auto soname = image->soname(); !soname.empty() && soname.size() <= 255) return valid_utf8(soname);
  }
  return valid_utf8(file_name);
}

}  // namespace aiotrace::symbolize
