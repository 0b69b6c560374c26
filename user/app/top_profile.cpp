#include "app/top_profile.h"

#include <algorithm>
#include <utility>

#include "app/probe_setup.h"
#include "app/profiler.h"
#include "app/target.h"
#include "probe/probe.h"
#include "util/clock.h"
#include "util/result.h"
#include "util/version.h"

namespace aiotrace::app {
namespace {

constexpr double kFrequencyHz = 99;
// How often records are taken; between these times there is nothing to do.
constexpr std::uint64_t kTickNs = 100'000'000;

probe::ProbeOptions probe_options() {
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  probe::ProbeOptions wanted{.warn_ns = kNever,
                             .sample_period_ns = static_cast<std::uint64_t>(1e9 / kFrequencyHz),
                             .profile = probe::ProfileOptions{},
                             .syscalls = syscall_waits()};
  wanted.max_threads = 4096;
  return wanted;
}

}  // namespace

TopProfile::TopProfile(std::uint32_t pid, std::uint64_t duration_ns)
    : pid_(pid), duration_ns_(duration_ns), began_ns_(monotonic_ns()), thread_([this] { work(); }) {}

TopProfile::~TopProfile() {
  given_up_ = true;
  pauses_.end();
  thread_.join();
}

std::shared_ptr<const model::ProfileReport> TopProfile::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

std::string TopProfile::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void TopProfile::end_now() { pauses_.end(); }

bool TopProfile::goes_on() const {
  const std::lock_guard lock(mutex_);
  return !report_ && problem_.empty();
}

void TopProfile::work() {
  const auto failed = [this](const Error& error) {
    const std::lock_guard lock(mutex_);
    problem_ = error.message();
  };
  auto target = Target::open(static_cast<std::int32_t>(pid_));
  if (!target) return failed(target.error());
  model::ProfileHead head{.time_ns = monotonic_ns(),
                          .version = kVersion,
                          .kernel = kernel_release(),
                          .frequency_hz = kFrequencyHz,
                          .targets = {{.pid = pid_, .comm = target->comm(), .python = {}}}};
  auto probe = probe::Probe::load(probe_options());
  if (!probe) return failed(probe.error());
  if (auto status = probe->attach(); !status) return failed(status.error());
  Profiler profiler({.frequency_hz = kFrequencyHz, .filter = {}}, *probe);
  if (auto status = profiler.add(std::move(*target), TargetSet::Look::now); !status) return failed(status.error());
  const auto begin_ns = monotonic_ns();
  for (auto now = begin_ns; now < begin_ns + duration_ns_; now = monotonic_ns()) {
    const bool more = pauses_.wait(std::min(kTickNs, begin_ns + duration_ns_ - now));
    if (given_up_) return;
    if (auto status = profiler.consume(); !status) return failed(status.error());
    (void)profiler.look(monotonic_ns());
    if (!more) break;
  }
  auto report = profiler.finish(begin_ns);
  report.head = std::move(head);
  const std::lock_guard lock(mutex_);
  report_ = std::make_shared<const model::ProfileReport>(std::move(report));
}

}  // namespace aiotrace::app
