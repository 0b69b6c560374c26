#include "proc/resident.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "machine/machine.h"
#include "util/unique_fd.h"

namespace aiotrace::proc {
namespace {

constexpr std::uint64_t kPagesPerRead = 8192;

void add_range(Range range, ResidentMemory& into) {
  if (into.bytes + range.size() > kMaxHeapBytes) {
    into.skipped_bytes += range.size();
    return;
  }
  into.bytes += range.size();
  if (!into.ranges.empty() && into.ranges.back().end == range.start) {
    into.ranges.back().end = range.end;
  } else {
    into.ranges.push_back(range);
  }
}

}  // namespace

std::vector<Range> heap_mappings(const Maps& maps) {
  std::vector<Range> found;
  for (const Mapping& mapping : maps.all()) {
    if (!mapping.readable || !mapping.writable || mapping.shared || mapping.inode != 0) continue;
    // [anon:…] is a name that a program gave with prctl, as CPython 3.15 does for its arenas.
    const bool named_heap = mapping.path == "[heap]" || mapping.path.starts_with("[anon:");
    if (mapping.path.empty() || named_heap) found.push_back({mapping.start, mapping.end});
  }
  return found;
}

void add_resident(std::uint64_t start, const std::vector<std::uint64_t>& entries, ResidentMemory& into) {
  constexpr std::uint64_t kPresent = 1ull << 63;
  constexpr std::uint64_t kSwapped = 1ull << 62;
  const auto page = machine::here().page_bytes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t at = start + i * page;
    if (entries[i] & kPresent) {
      add_range({at, at + page}, into);
    } else if (entries[i] & kSwapped) {
      into.swapped_bytes += page;
    }
  }
}

ResidentMemory resident_memory(pid_t pid, const std::vector<Range>& mappings) {
  ResidentMemory found;
  const UniqueFd pagemap(::open(("/proc/" + std::to_string(pid) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC));
  found.known = static_cast<bool>(pagemap);
  const auto page = machine::here().page_bytes;
  std::uint64_t space = 0;
  std::vector<std::uint64_t> entries;
  for (const Range& mapping : mappings) {
    // A reservation that is too large on its own must not hide the memory behind it.
    if (mapping.size() > kMaxHeapSpace - space) {
      found.skipped_bytes += mapping.size();
      continue;
    }
    space += mapping.size();
    if (!found.known) {
      add_range(mapping, found);
      continue;
    }
    for (std::uint64_t at = mapping.start; at < mapping.end;) {
      entries.resize(std::min(kPagesPerRead, (mapping.end - at) / page));
      const auto size = static_cast<ssize_t>(entries.size() * 8);
      const ssize_t got = pread(pagemap.get(), entries.data(), static_cast<std::size_t>(size),
                                static_cast<off_t>(at / page * 8));
      // The mapping may have been removed, and the process may have ended.
      if (got < 8) break;
      entries.resize(static_cast<std::size_t>(got) / 8);
      add_resident(at, entries, found);
      at += entries.size() * page;
    }
  }
  return found;
}

}  // namespace aiotrace::proc
