#include "app/fine_sampling.h"

#include <iterator>

namespace aiotrace::app {

namespace {

// Long iterations often come in a row.
constexpr std::uint64_t kQuietNs = 100'000'000;

}  // namespace

Status FineSampling::on(const model::Sample& sample) {
  const auto tid = sample.head.tid;
  const auto known = threads_.find(tid);
  if (known != threads_.end()) known->second.last_ns = sample.head.time_ns;
  if (!sample.wants_fine || (known != threads_.end() && known->second.failed)) return {};
  auto status = probe_.sample_finely(tid, true);
  threads_.insert_or_assign(tid, Thread{.last_ns = sample.head.time_ns, .failed = !status});
  return status;
}

void FineSampling::stop_idle(std::uint64_t now_ns) {
  for (auto at = threads_.begin(); at != threads_.end();) {
    auto& [tid, thread] = *at;
    const bool idle = !thread.failed && now_ns >= thread.last_ns + kQuietNs;
    // A clock that cannot be stopped costs time, but does no harm.
    thread.failed = thread.failed || (idle && !probe_.sample_finely(tid, false));
    at = idle && !thread.failed ? threads_.erase(at) : std::next(at);
  }
}

}  // namespace aiotrace::app
