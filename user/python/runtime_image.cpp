#include "python/runtime_image.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <vector>

namespace aiotrace::python {
namespace {

constexpr std::string_view kCookie = "xdebugpy";
// The writable data of an interpreter is 1 to 2 MB; with frozen modules, some more.
constexpr std::uint64_t kMaxScan = 32u << 20;
// A process has one interpreter; of thousands of mapped files with such names only the first ones are read.
constexpr std::size_t kMaxCandidates = 16;

/// The first executable mapping of each file that can be the interpreter; the program itself first.
std::vector<const proc::Mapping*> candidates(const proc::Process& process, const proc::Maps& maps) {
  std::vector<const proc::Mapping*> found;
  struct stat exe{};
  const bool have_exe = ::stat(fmt::format("/proc/{}/exe", process.pid()).c_str(), &exe) == 0;
  std::error_code unknown;
  const std::string exe_name = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", process.pid()), unknown);
  std::string exe_path;
  for (const proc::Mapping& mapping : maps.all()) {
    if (!mapping.executable || mapping.inode == 0) continue;
    if (std::ranges::any_of(found, [&](const auto* seen) { return seen->same_file(mapping); })) continue;
    // Compares inodes, because the device in /proc/PID/maps differs from stat's on btrfs and overlayfs. The inode can
    // differ too, if an overlay has layers on several file systems (its option xino): then compares the names, which
    // the kernel gives for both.
    const bool same_name = mapping.path + (mapping.deleted ? " (deleted)" : "") == exe_name;
    if (((have_exe && mapping.inode == exe.st_ino) || same_name) && exe_path.empty()) {
      exe_path = mapping.path;
      found.insert(found.begin(), &mapping);
    } else if (found.size() < kMaxCandidates && mapping.file_name().starts_with("libpython")) {
      found.push_back(&mapping);
    }
  }
  return found;
}

/// The cookie at a 16-byte boundary of the file's writable memory, which remains in a stripped file without sections.
std::uint64_t scan_for_cookie(const proc::Maps& maps, const proc::Mapping& file, const proc::Memory& memory) {
  std::uint64_t scanned = 0;
  std::vector<std::byte> chunk(1u << 20);
  for (const proc::Mapping& mapping : maps.all()) {
    if (!mapping.writable || !mapping.same_file(file)) continue;
    for (std::uint64_t at = mapping.start; at < mapping.end && scanned < kMaxScan;) {
      const std::size_t size = std::min<std::uint64_t>(chunk.size(), mapping.end - at);
      if (!memory.read(at, std::span(chunk).first(size))) break;
      for (std::size_t i = 0; i + kCookie.size() <= size; i += 16) {
        if (std::equal(kCookie.begin(), kCookie.end(), reinterpret_cast<const char*>(chunk.data() + i))) return at + i;
      }
      at += size;
      scanned += size;
    }
  }
  return 0;
}

}  // namespace

std::uint64_t section_address(const proc::Process& process, const proc::Maps& maps, const proc::Mapping& mapping,
                              std::string_view section) {
  const auto image = proc::ElfImage::open(process.pid(), mapping);
  if (!image) return 0;
  const auto found = image->section(section);
  const auto bias = image->bias(maps, mapping);
  return found && bias && found->address != 0 ? found->address + *bias : 0;
}

Result<RuntimeImage> find_runtime(const proc::Process& process, const proc::Maps& maps, const proc::Memory& memory) {
  RuntimeImage best;
  std::optional<Error> unopened;
  for (const proc::Mapping* mapping : candidates(process, maps)) {
    const auto image = proc::ElfImage::open(process.pid(), *mapping);
    if (!image) {
      unopened = image.error();
      continue;
    }
    const auto bias = image->bias(maps, *mapping);
    if (!bias) continue;
    static constexpr std::array<std::string_view, 8> kNames = {"_PyRuntime",  "Py_Version",     "PyCode_Type",
                                                               "PyCoro_Type", "PyType_Type",    "Py_GetVersion",
                                                               "PyGen_Type",  "PyAsyncGen_Type"};
    const auto symbols = image->symbols(kNames);
    const auto address = [&](std::size_t i) { return symbols[i] ? symbols[i]->address + *bias : 0; };
    const auto section = [&](std::string_view name) {
      const auto found = image->section(name);
      return found && found->address != 0 ? found->address + *bias : 0;
    };
    RuntimeImage runtime{.path = mapping->path,
                         .name = image->soname(),
                         .runtime = address(0),
                         .version = address(1),
                         .code_type = address(2),
                         .coro_type = address(3),
                         .gen_type = address(6),
                         .async_gen_type = address(7),
                         .type_type = address(4),
                         .is_python = symbols[5].has_value()};
    if (runtime.name.empty()) runtime.name = mapping->file_name();
    if (runtime.runtime == 0) runtime.runtime = section(".PyRuntime");
    if (runtime.runtime == 0) runtime.runtime = scan_for_cookie(maps, *mapping, memory);
    if (runtime.runtime == 0) {
      if (runtime.is_python && best.path.empty()) best = runtime;
      continue;
    }
    runtime.asyncio_debug = section(".AsyncioDebug");
    for (const proc::Mapping& text : maps.all()) {
      if (!text.executable || !text.same_file(*mapping)) continue;
      if (runtime.text_start == 0) runtime.text_start = text.start;
      runtime.text_end = text.end;
    }
    return runtime;
  }
  if (best.path.empty() && unopened) return std::unexpected(*unopened);
  return best;
}

}  // namespace aiotrace::python
