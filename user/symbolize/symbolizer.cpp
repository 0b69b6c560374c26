#include "symbolize/symbolizer.h"

#include <utility>
#include <vector>

#include "proc/elf_image.h"
#include "proc/file_budget.h"
#include "proc/memory.h"
#include "symbolize/library_name.h"

namespace aiotrace::symbolize {
namespace {

// Files are kept after their last process has ended, for the next process of the same program: each needs an open
// descriptor.
constexpr std::size_t kIdleFiles = 64;
// Limit for one process; a program that maps new code all the time makes the cache start again.
constexpr std::size_t kMaxMappings = 16384;
constexpr std::uint64_t kMaxVdso = 64u << 10;

}  // namespace

std::shared_ptr<CodeFile> Symbolizer::shared_file(const std::string& identity, const auto& make) {
  if (const auto found = files_.find(identity); found != files_.end()) return found->second;
  if (files_.size() >= kIdleFiles) std::erase_if(files_, [](const auto& each) { return each.second.use_count() == 1; });
  auto file = make();
  if (file) files_.emplace(identity, file);
  return file;
}

bool Symbolizer::may_work(pid_t pid) {
  if (processes_[pid].work.is_left()) return true;
  proc::FileBudget::of_program().refuse("time:" + std::to_string(pid));
  return false;
}

Symbolizer::Known Symbolizer::look_at(const proc::Process& process, const proc::Mapping& mapping) {
  Known known{.end = mapping.end,
              .offset = mapping.offset,
              .inode = mapping.inode,
              .dev_major = mapping.dev_major,
              .dev_minor = mapping.dev_minor,
              .library = {},
              .file = nullptr};
  if (mapping.inode != 0 && !may_work(process.pid())) {
    known.library = library_name(mapping, nullptr);
    return known;
  }
  if (mapping.inode != 0) {
    auto image = proc::ElfImage::open(process.pid(), mapping);
    known.library = library_name(mapping, image ? &*image : nullptr);
    if (image) {
      const std::string identity = image->identity();
      known.file = shared_file(identity, [&] { return CodeFile::from_image(std::move(*image), process.pid()); });
    }
    return known;
  }
  known.library = library_name(mapping, nullptr);
  if (mapping.path == "[vdso]" && mapping.end - mapping.start <= kMaxVdso) {
    std::vector<std::byte> bytes(mapping.end - mapping.start);
    if (proc::LiveMemory(process.pid()).read(mapping.start, bytes)) {
      const std::string content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      known.file = shared_file(content, [&] { return CodeFile::from_memory(std::move(bytes)); });
    }
  }
  return known;
}

const Symbolizer::Known& Symbolizer::known(const proc::Process& process, const proc::Mapping& mapping) {
  auto& mappings = processes_[process.pid()].mappings;
  const auto at = mappings.find(mapping.start);
  if (at != mappings.end()) {
    const Known& there = at->second;
    if (there.end == mapping.end && there.offset == mapping.offset && there.inode == mapping.inode &&
        there.dev_major == mapping.dev_major && there.dev_minor == mapping.dev_minor) {
      return there;
    }
  }
  if (mappings.size() >= kMaxMappings) mappings.clear();
  const auto timer = processes_[process.pid()].work.start();
  return mappings.insert_or_assign(mapping.start, look_at(process, mapping)).first->second;
}

std::optional<std::uint64_t> Symbolizer::address_in_file(const Known& known, const proc::Mapping& mapping,
                                                         std::uint64_t address) {
  if (!known.file) return std::nullopt;
  return known.file->address_of(address - mapping.start + mapping.offset);
}

const std::string& Symbolizer::library(const proc::Process& process, const proc::Mapping& mapping) {
  return known(process, mapping).library;
}

std::optional<Symbolizer::Place> Symbolizer::place(const proc::Process& process, const proc::Maps& maps,
                                                   std::uint64_t address) {
  const proc::Mapping* mapping = maps.find(address);
  if (mapping == nullptr || !mapping->executable) return std::nullopt;
  const Known& there = known(process, *mapping);
  const auto in_file = address_in_file(there, *mapping, address);
  if (!in_file || (!there.file->has_read_rules() && !may_work(process.pid()))) return std::nullopt;
  return Place{.file = there.file.get(), .address = *in_file, .bias = address - *in_file};
}

std::optional<NativeSymbol> Symbolizer::find(const proc::Process& process, const proc::Maps& maps,
                                             std::uint64_t address) {
  const proc::Mapping* mapping = maps.find(address);
  if (mapping == nullptr || !mapping->executable) return std::nullopt;
  const Known& there = known(process, *mapping);
  NativeSymbol symbol{.library = there.library, .function = {}, .offset = address};
  if (const auto in_file = address_in_file(there, *mapping, address)) {
    symbol.offset = *in_file;
    const auto timer = processes_[process.pid()].work.start();
    const bool readable = there.file->has_read_symbols() || may_work(process.pid());
    if (const auto* name = readable ? there.file->name(*in_file) : nullptr) {
      symbol.function = name->function;
      symbol.offset = *in_file - name->start;
    }
  } else if (const auto jit = processes_[process.pid()].perf_map.find(process, address)) {
    symbol.function = std::string(jit->name);
    symbol.offset = address - jit->start;
  }
  return symbol;
}

}  // namespace aiotrace::symbolize
