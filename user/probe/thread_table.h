// The loop threads as BPF keeps them: an array of slots, the slot of each tid, and the slots that are free.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "abi/thread.h"
#include "util/result.h"

namespace aiotrace::probe {

/// Does not own its maps: they must outlive it.
class ThreadTable {
 public:
  struct Maps {
    int threads = -1;  ///< file descriptors of loop_threads, thread_slots, free_slots
    int slots = -1;
    int free = -1;
    std::span<std::uint32_t> entries;  ///< traced_tid
  };
  /// The maximum number of slots that an entry of traced_tid can name.
  static constexpr std::uint32_t kMostSlots = 0xffff;

  ThreadTable() = default;
  explicit ThreadTable(const Maps& maps) : maps_(maps) {}

  /// Makes `slots` slots available; must be called before any program is attached.
  Status fill(std::uint32_t slots) const;
  /// Adds thread.tid; does nothing if BPF already knows that thread, because BPF's data is better.
  Status add(const loop_thread& thread) const;
  void remove(std::uint32_t tid) const;
  [[nodiscard]] std::optional<loop_thread> find(std::uint32_t tid) const;
  /// In ascending order, at most `most`.
  [[nodiscard]] std::vector<std::uint32_t> tids(std::size_t most) const;

 private:
  [[nodiscard]] std::uint32_t& entry_of(std::uint32_t tid) const { return maps_.entries[tid % maps_.entries.size()]; }

  Maps maps_;
};

}  // namespace aiotrace::probe
