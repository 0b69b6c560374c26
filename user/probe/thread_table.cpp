#include "probe/thread_table.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace aiotrace::probe {

Status ThreadTable::fill(std::uint32_t slots) const {
  for (std::uint32_t slot = 0; slot < std::min(slots, kMostSlots); slot++) {
    if (bpf_map_update_elem(maps_.free, nullptr, &slot, BPF_ANY) != 0)
      return fail_errno("make room for the loop threads", errno);
  }
  return {};
}

Status ThreadTable::add(const loop_thread& thread) const {
  const auto fails = [&](int error) { return fail_errno("trace thread " + std::to_string(thread.tid), error); };
  std::uint32_t slot = 0;
  if (bpf_map_lookup_elem(maps_.slots, &thread.tid, &slot) == 0) return {};
  if (bpf_map_lookup_and_delete_elem(maps_.free, nullptr, &slot) != 0) return fails(errno == ENOENT ? ENOSPC : errno);
  if (bpf_map_update_elem(maps_.threads, &slot, &thread, BPF_ANY) != 0) return fails(errno);
  if (bpf_map_update_elem(maps_.slots, &thread.tid, &slot, BPF_NOEXIST) != 0) {
    const int error = errno;
    bpf_map_update_elem(maps_.free, nullptr, &slot, BPF_ANY);
    if (error != EEXIST) return fails(error);
    return {};
  }
  entry_of(thread.tid) = TID_ENTRY(thread.tid, slot);
  return {};
}

void ThreadTable::remove(std::uint32_t tid) const {
  std::uint32_t slot = 0;
  if (bpf_map_lookup_elem(maps_.slots, &tid, &slot) != 0) return;
  bpf_map_delete_elem(maps_.slots, &tid);
  // Programs must not find the thread there when the slot belongs to another thread.
  if (entry_of(tid) == TID_ENTRY(tid, slot)) entry_of(tid) = TID_ENTRY_NONE;
  bpf_map_update_elem(maps_.free, nullptr, &slot, BPF_ANY);
}

std::optional<loop_thread> ThreadTable::find(std::uint32_t tid) const {
  std::uint32_t slot = 0;
  loop_thread thread{};
  if (bpf_map_lookup_elem(maps_.slots, &tid, &slot) != 0 || bpf_map_lookup_elem(maps_.threads, &slot, &thread) != 0)
    return std::nullopt;
  // The slot is reserved before it is filled.
  if (thread.tid != tid) return std::nullopt;
  return thread;
}

std::vector<std::uint32_t> ThreadTable::tids(std::size_t most) const {
  std::vector<std::uint32_t> tids;
  std::uint32_t key = 0;
  const std::uint32_t* previous = nullptr;
  // Bounded, because entries that come and go can restart the walk.
  while (tids.size() < most && bpf_map_get_next_key(maps_.slots, previous, &key) == 0) {
    tids.push_back(key);
    previous = &key;
  }
  std::ranges::sort(tids);
  tids.erase(std::ranges::unique(tids).begin(), tids.end());
  return tids;
}

}  // namespace aiotrace::probe
