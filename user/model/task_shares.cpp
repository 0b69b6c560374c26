#include "model/task_shares.h"

#include <algorithm>

#include "model/cause.h"

namespace aiotrace::model {
namespace {

bool same_task(const TaskSeen& a, const TaskSeen& b) {
  return a.task == b.task && a.coroutine == b.coroutine && a.code_id == b.code_id && a.name == b.name &&
         a.qualname == b.qualname;
}

}  // namespace

void TaskShares::begin(const TaskSeen& task) {
  const auto known = std::find_if(shares_.begin(), shares_.end(),
                                  [&task](const Share& share) { return same_task(share.task, task); });
  if (known != shares_.end()) {
    current_ = static_cast<std::size_t>(known - shares_.begin());
    return;
  }
  if (shares_.size() < kMaxTasks) {
    current_ = shares_.size();
    shares_.push_back({.task = task});
    return;
  }
  const auto weight = [](const Share& share) { return share.off_cpu_ns + share.sampled_ns; };
  const auto least = std::min_element(shares_.begin(), shares_.end(),
                                      [&weight](const Share& a, const Share& b) { return weight(a) < weight(b); });
  *least = {.task = task};
  current_ = static_cast<std::size_t>(least - shares_.begin());
  if (sampled_ == current_) sampled_ = kNone;
}

void TaskShares::add_off_cpu(Cause cause, std::uint64_t ns, bool has_task) {
  if (has_task && current_ != kNone) {
    shares_[current_].off_cpu_ns += ns;
  } else if (cause != Cause::gil && !runnable(cause)) {
    no_task_ns_ += ns;
  }
}

void TaskShares::add_sample(std::uint64_t weight_ns, bool has_task) {
  sampled_ = has_task ? current_ : kNone;
  add_before(weight_ns);
}

void TaskShares::add_before(std::uint64_t weight_ns) {
  sampled_ns_ += weight_ns;
  if (sampled_ != kNone) {
    shares_[sampled_].sampled_ns += weight_ns;
  } else {
    no_task_sampled_ns_ += weight_ns;
  }
}

void TaskShares::clear() { *this = {}; }

const TaskSeen* TaskShares::largest(std::uint64_t on_cpu_ns) const {
  // In units of 1 / sampled_ns_ of a nanosecond, to avoid rounding.
  using Wide = unsigned __int128;
  const Wide unit = std::max<std::uint64_t>(sampled_ns_, 1);
  const auto time = [&](std::uint64_t off_cpu_ns, std::uint64_t sampled_ns) {
    return unit * off_cpu_ns + static_cast<Wide>(on_cpu_ns) * sampled_ns;
  };
  const TaskSeen* largest = nullptr;
  Wide most = 0;
  for (const auto& share : shares_) {
    const auto own = time(share.off_cpu_ns, share.sampled_ns);
    if (own <= most) continue;
    most = own;
    largest = &share.task;
  }
  return time(no_task_ns_, no_task_sampled_ns_) > most ? nullptr : largest;
}

}  // namespace aiotrace::model
