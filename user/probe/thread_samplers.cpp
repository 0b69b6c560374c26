#include "probe/thread_samplers.h"

#include <bpf/bpf.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "abi/records.h"
#include "probe/perf_events.h"

namespace aiotrace::probe {
namespace {

struct NativeCopy {
  native_record record;
  std::array<std::byte, NATIVE_STACK_MAX> stack;
};

}  // namespace

Result<ThreadSamplers::Clock> ThreadSamplers::attach(std::uint32_t tid, std::uint64_t event_id, std::uint64_t period,
                                                     bpf_program* program) {
  const auto what = "sample thread " + std::to_string(tid);
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = event_id;
  attr.sample_period = period;
  UniqueFd event = open_perf_event(attr, static_cast<pid_t>(tid), -1);
  if (!event) return fail_errno(what, errno);
  const int number = event.get();
  auto link = attach_to_event(program, std::move(event), what);
  if (!link) return std::unexpected(link.error());
  return Clock{std::move(*link), number};
}

Status ThreadSamplers::start(std::uint32_t tid) {
  if (samplers_.contains(tid)) return {};
  if (programs_.natives >= 0) {
    const NativeCopy empty{};
    // No room: BPF counts the missing copies.
    bpf_map_update_elem(programs_.natives, &tid, &empty, BPF_NOEXIST);
  }
  auto coarse = attach(tid, PERF_COUNT_SW_CPU_CLOCK, programs_.coarse_ns, programs_.sample);
  if (!coarse) return std::unexpected(coarse.error());
  auto& sampler = samplers_[tid];
  sampler.coarse = std::move(coarse->link);
  auto faults = attach(tid, PERF_COUNT_SW_PAGE_FAULTS_MAJ, 1, programs_.major_fault);
  if (!faults) return std::unexpected(faults.error());
  sampler.faults = std::move(faults->link);
  return {};
}

Status ThreadSamplers::set_fine(std::uint32_t tid, bool finely) {
  const auto at = samplers_.find(tid);
  if (at == samplers_.end()) return {};
  auto& sampler = at->second;
  if (sampler.fine_event >= 0) {
    if (ioctl(sampler.fine_event, finely ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) != 0)
      return fail_errno("sample thread " + std::to_string(tid) + " finely", errno);
    return {};
  }
  if (!finely) return {};
  auto fine = attach(tid, PERF_COUNT_SW_CPU_CLOCK, programs_.fine_ns, programs_.sample);
  if (!fine) return std::unexpected(fine.error());
  sampler.fine = std::move(fine->link);
  sampler.fine_event = fine->event;
  return {};
}

void ThreadSamplers::remove(std::uint32_t tid) {
  samplers_.erase(tid);
  if (programs_.natives >= 0) bpf_map_delete_elem(programs_.natives, &tid);
}

std::vector<std::byte> ThreadSamplers::native_copy(std::uint32_t tid) const {
  std::vector<std::byte> bytes(sizeof(NativeCopy));
  if (programs_.natives < 0 || bpf_map_lookup_elem(programs_.natives, &tid, bytes.data()) != 0) bytes.clear();
  return bytes;
}

}  // namespace aiotrace::probe
