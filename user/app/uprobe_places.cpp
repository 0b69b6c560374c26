#include "app/uprobe_places.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string_view>

#include "proc/elf_image.h"

namespace aiotrace::app {

namespace {

bool may_hold_polls(const proc::Mapping& mapping, const proc::Mapping* program) {
  const auto name = mapping.file_name();
  if (name.starts_with("libc.so") || name.starts_with("libc-2") || name.starts_with("ld-musl")) return true;
  return program != nullptr && mapping.same_file(*program);
}

}  // namespace

std::vector<UprobePlace> uprobe_places(const proc::Process& process, const proc::Maps& maps) {
  constexpr std::array<std::string_view, 7> kPolls = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "select",
                                                      "pselect",    "poll",        "ppoll"};
  constexpr std::size_t kEpolls = 3;
  std::vector<UprobePlace> places;
  std::set<std::string> seen;
  const proc::Mapping* program = nullptr;
  for (const auto& mapping : maps.all()) {
    if (program == nullptr && mapping.inode != 0) program = &mapping;  // the first file is the program itself
    if (!mapping.executable || !may_hold_polls(mapping, program)) continue;
    const auto image = proc::ElfImage::open(process.pid(), mapping);
    if (!image || !seen.insert(image->identity()).second) continue;
    std::set<std::uint64_t> offsets;  // several of the names may be the same function
    const auto symbols = image->symbols(kPolls);
    for (std::size_t i = 0; i < symbols.size(); i++) {
      const auto& symbol = symbols[i];
      if (!symbol) continue;
      const auto offset = image->file_offset(symbol->address);
      if (!offset || !offsets.insert(*offset).second) continue;
      places.push_back({fmt::format("/proc/{}/map_files/{:x}-{:x}", process.pid(), mapping.start, mapping.end), *offset,
                        i < kEpolls});
    }
  }
  return places;
}

}  // namespace aiotrace::app
