// Samplers of each loop thread: its CPU time, its page faults, and copies of its native stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "probe/handles.h"
#include "util/result.h"

struct bpf_program;

namespace aiotrace::probe {

/// Does not own its programs and map: they must outlive it.
class ThreadSamplers {
 public:
  struct Programs {
    bpf_program* sample = nullptr;
    bpf_program* major_fault = nullptr;
    int natives = -1;  ///< descriptor of the map of native copies; -1: none are made
    std::uint64_t coarse_ns = 0;
    std::uint64_t fine_ns = 0;
  };
  /// Threads beyond this number have no native stacks, and BPF counts that: 16 KiB each, allocated at the start.
  static constexpr std::uint32_t kMaxNatives = 512;

  ThreadSamplers() = default;
  explicit ThreadSamplers(const Programs& programs) : programs_(programs) {}

  /// Starts the coarse clock; a second call does nothing.
  Status start(std::uint32_t tid);
  /// Starts or ends the fine clock of a thread that has the coarse one, which continues; does nothing for other
  /// threads.
  Status set_fine(std::uint32_t tid, bool finely);
  void remove(std::uint32_t tid);

  /// The last copy of a thread's registers and stack, as a record; empty if there is none. For a running thread the
  /// copy may be a mixture of two.
  [[nodiscard]] std::vector<std::byte> native_copy(std::uint32_t tid) const;

 private:
  // The link closes its perf event.
  struct Sampler {
    Link coarse;
    Link faults;
    Link fine;  // made when it is first needed
    int fine_event = -1;
  };
  struct Clock {
    Link link;
    int event = -1;
  };

  [[nodiscard]] static Result<Clock> attach(std::uint32_t tid, std::uint64_t event_id, std::uint64_t period,
                                            bpf_program* program);

  Programs programs_;
  std::unordered_map<std::uint32_t, Sampler> samplers_;
};

}  // namespace aiotrace::probe
