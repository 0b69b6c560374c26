#include "app/hang_watch.h"

#include <algorithm>
#include <utility>

#include "app/background.h"
#include "util/clock.h"

namespace aiotrace::app {
namespace {

constexpr std::uint64_t kFirstNs = 1'000'000'000;
// A look takes some 10 ms.
constexpr std::uint64_t kStepNs = 4'000'000'000;
constexpr std::uint64_t kIntervalNs = 10'000'000'000;
// The run's end waits for the last look.
constexpr std::uint64_t kMostS = 5;
constexpr std::uint64_t kFirstRetryNs = 1'000'000'000;
// Of one process, that are kept for the summary.
constexpr std::size_t kMaxReported = 64;

// "None" of a look that missed a part of the tasks would be said without knowing.
bool saw_enough(const model::HangScan& scan) { return !scan.torn && scan.unreadable * 20 <= scan.tasks; }

}  // namespace

HangWatch::HangWatch(proc::Process process, LookShare share)
    : process_(std::move(process)), share_(share), scanner_(process_, &cancel_, kMostS), thread_([this] { work(); }) {}

void HangWatch::end(bool at_once) {
  if (at_once) cancel_ = true;
  pauses_.end();
  if (thread_.joinable()) thread_.join();
}

std::vector<model::ScannedHangs> HangWatch::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(to_report_, {});
}

std::uint64_t HangWatch::looks() const {
  const std::lock_guard lock(mutex_);
  return looks_;
}

std::vector<model::Hang> HangWatch::reported() const {
  const std::lock_guard lock(mutex_);
  return reported_;
}

std::shared_ptr<const model::ScannedHangs> HangWatch::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

// False: there is no Python in the process (yet), its tasks cannot be read, or it was given up.
bool HangWatch::look() {
  auto found = scanner_.scan();
  if (!found) return false;
  auto news = news_.of(found->hangs, found->scan.time_ns);
  const std::lock_guard lock(mutex_);
  if (!news.empty() || !reported_.empty() || saw_enough(found->scan)) ++looks_;
  for (model::Hang& known : reported_) {
    const auto now = std::ranges::find(found->hangs, known.id, &model::Hang::id);
    if (now != found->hangs.end()) known = *now;
  }
  for (const model::Hang& each : news) {
    if (std::ranges::find(reported_, each.id, &model::Hang::id) != reported_.end()) continue;
    if (reported_.size() < kMaxReported) reported_.push_back(each);
  }
  std::erase_if(found->hangs, [this](const model::Hang& each) {
    return std::ranges::find(reported_, each.id, &model::Hang::id) == reported_.end();
  });
  last_ = std::make_shared<const model::ScannedHangs>(std::move(found->hangs), found->scan);
  if (news.empty()) return true;
  to_report_.push_back({.hangs = std::move(news), .scan = found->scan});
  return true;
}

void HangWatch::work() {
  keep_rights_to_read();
  std::uint64_t retry_ns = kFirstRetryNs;
  for (std::uint64_t pause_ns = kFirstNs + share_.first_ns(kStepNs); pauses_.wait(pause_ns);) {
    if (!process_.alive()) return;
    const std::uint64_t before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (look()) {
      pause_ns = share_.pause_after(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns, kIntervalNs);
      retry_ns = kFirstRetryNs;
    } else {
      pause_ns = retry_ns;
      retry_ns = std::min(retry_ns * 2, kIntervalNs);
    }
  }
  if (!cancel_ && process_.alive()) (void)look();
}

}  // namespace aiotrace::app
